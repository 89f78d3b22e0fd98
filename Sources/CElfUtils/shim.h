#ifndef KDELAY_CELFUTILS_SHIM_H
#define KDELAY_CELFUTILS_SHIM_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>
#include <zlib.h>

#endif
