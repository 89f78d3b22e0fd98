#ifndef KDELAY_ALLOCATIONS_H
#define KDELAY_ALLOCATIONS_H

/* Heap allocations of this process so far. */
unsigned long kdelay_allocations(void);

#endif
