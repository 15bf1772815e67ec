#ifndef CACHEFS_TEST_REDIS_SERVER_H
#define CACHEFS_TEST_REDIS_SERVER_H

#include <sys/types.h>

/*
 * A real redis-server of one test: it listens on the UNIX socket dir/redis.sock alone, keeps
 * nothing on disk, and ends with the test program. Returns its pid once it answers; -1: it cannot
 * be started.
 */
pid_t redis_server_start(const char *dir);
void redis_server_stop(pid_t pid);

#endif
