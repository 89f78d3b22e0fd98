#ifndef KDELAY_CCOMPRESSION_SHIM_H
#define KDELAY_CCOMPRESSION_SHIM_H

#include <zlib.h>
#include <zstd.h>

#endif
