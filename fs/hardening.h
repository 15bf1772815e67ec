#ifndef CACHEFS_HARDENING_H
#define CACHEFS_HARDENING_H

/* What the process gives up, so that a fault in it gives less away. */

/* First of all: no core is written, and other processes of this user cannot look into this one, for
 * it will hold passwords and other users' values. */
void hardening_begin(void);

#endif
