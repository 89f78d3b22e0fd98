#ifndef KDELAY_CCAPSTONE_SHIM_H
#define KDELAY_CCAPSTONE_SHIM_H

#include <capstone/capstone.h>

/* Capstone 5 calls the instruction 0F B9 ud1; capstone 4 calls it ud2b. */
#if CS_API_MAJOR >= 5
#define KDELAY_X86_INS_UD1 X86_INS_UD1
#else
#define KDELAY_X86_INS_UD1 X86_INS_UD2B
#endif

static inline x86_insn kdelay_x86_ins_ud1(void) { return KDELAY_X86_INS_UD1; }

#endif
