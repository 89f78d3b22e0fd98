#ifndef KDELAY_CELFUTILS_SHIM_H
#define KDELAY_CELFUTILS_SHIM_H

#include <gelf.h>
#include <libelf.h>

#endif
