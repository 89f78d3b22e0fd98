#ifndef KDELAY_CCAPSTONE_SHIM_H
#define KDELAY_CCAPSTONE_SHIM_H

#include <capstone/capstone.h>

#endif
