#ifndef CACHEFS_WAITING_H
#define CACHEFS_WAITING_H

/*
 * A thread that serves requests must let another one serve on before it waits (for a disk, a
 * commit, a lock). Whoever is about to wait calls waiting_begin(); the thread's hook, if it has
 * one, hands over. Calling it more than once for a request costs nothing. The hook takes locks:
 * call it with none held.
 */
void waiting_begin(void);

/* Installs this thread's hook; NULL removes it. */
void waiting_set_hook(void (*hook)(void *self), void *self);

#endif
