#ifndef CACHEFS_HARDENING_H
#define CACHEFS_HARDENING_H

/* Rights that the process gives up, so that a fault in it does less harm. */

/* Call first. No core is written, and other processes of this user cannot look into this one,
 * because it will hold passwords and other users' values. */
void hardening_begin(void);

/*
 * As root: gives up all capabilities except those that serving needs, and the privileges that
 * programs get when they are run. Call it in the right namespace, before there are threads. As
 * another user it does nothing: unmounting needs fusermount3, which is such a program.
 */
void hardening_give_up(void);

#endif
