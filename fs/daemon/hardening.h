#ifndef CACHEFS_HARDENING_H
#define CACHEFS_HARDENING_H

/* What the process gives up, so that a fault in it gives less away. */

/* First of all: no core is written, and other processes of this user cannot look into this one, for
 * it will hold passwords and other users' values. */
void hardening_begin(void);

/*
 * As root, once the namespace is the right one and before there are threads: all capabilities but
 * those that serving needs, and privileges that a program could give. As somebody else nothing: the
 * way out is fusermount3, which gets privileges by being run.
 */
void hardening_give_up(void);

#endif
