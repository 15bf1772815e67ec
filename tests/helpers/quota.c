/*
 * quota.so: a program that it is preloaded into hears of a used-up quota (EDQUOT) where a file
 * system is full (ENOSPC).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long told(long rc)
{
	if (rc < 0 && errno == ENOSPC)
		errno = EDQUOT;
	return rc;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	return told(REAL(write)(fd, bytes, size));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
	return told(REAL(pwrite64)(fd, bytes, size, offset));
}

int mkdir(const char *path, mode_t mode)
{
	return (int)told(REAL(mkdir)(path, mode));
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return (int)told(REAL(renameat)(from_fd, from, to_fd, to));
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return (int)told(REAL(linkat)(from_fd, from, to_fd, to, flags));
}

int ftruncate64(int fd, off64_t size)
{
	return (int)told(REAL(ftruncate64)(fd, size));
}

static mode_t mode_of(int flags, va_list list)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

int open64(const char *path, int flags, ...)
{
	va_list list;

	va_start(list, flags);
	mode_t mode = mode_of(flags, list);
	va_end(list);
	return (int)told(REAL(open64)(path, flags, mode));
}

int openat64(int fd, const char *path, int flags, ...)
{
	va_list list;

	va_start(list, flags);
	mode_t mode = mode_of(flags, list);
	va_end(list);
	return (int)told(REAL(openat64)(fd, path, flags, mode));
}
