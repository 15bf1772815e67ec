/*
 * big: files that are larger than memory should be. Their bytes follow from a seed, so that no
 * second copy is needed to check them.
 *
 *   big write PATH MIB SEED     creates or replaces it, in writes of 1 MiB
 *   big read PATH MIB SEED      reads all and compares
 *   big map PATH MIB SEED       compares through a mapping
 *   big poke PATH MIB SEED      makes SEED's bytes of it through a shared writable mapping
 *
 * Exit status 0, or 1 with a sentence on stderr.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MIB = 1 << 20, WORDS = MIB / sizeof(uint64_t) };

static uint64_t expected[WORDS], got[WORDS];

static void fill(uint64_t *words, uint64_t seed, uint64_t mib)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + mib + 1;

	for (size_t i = 0; i < WORDS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
}

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	return 1;
}

/* One MiB through read(2) or write(2). */
static bool transfer(int fd, bool out, void *buffer)
{
	for (size_t done = 0; done < MIB;) {
		ssize_t n = out ? write(fd, (char *)buffer + done, MIB - done)
				: read(fd, (char *)buffer + done, MIB - done);
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static int do_write(const char *path, uint64_t mib, uint64_t seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		return complain("open %s", path);
	for (uint64_t i = 0; i < mib; i++) {
		fill(expected, seed, i);
		if (!transfer(fd, true, expected))
			return complain("write %s at %llu MiB", path, (unsigned long long)i);
	}
	return close(fd) == 0 ? 0 : complain("close %s", path);
}

static int do_read(const char *path, uint64_t mib, uint64_t seed)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return complain("open %s", path);
	for (uint64_t i = 0; i < mib; i++) {
		fill(expected, seed, i);
		if (!transfer(fd, false, got))
			return complain("read %s at %llu MiB", path, (unsigned long long)i);
		errno = 0;
		if (memcmp(got, expected, MIB) != 0)
			return complain("%s differs in MiB %llu", path, (unsigned long long)i);
	}
	if (read(fd, got, 1) != 0)
		return complain("%s is longer than %llu MiB", path, (unsigned long long)mib);
	return close(fd);
}

static int do_map(const char *path, uint64_t mib, uint64_t seed, bool poke)
{
	int fd = open(path, poke ? O_RDWR : O_RDONLY);

	if (fd < 0)
		return complain("open %s", path);
	char *map = mmap(NULL, mib * MIB, poke ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
			 0);
	if (map == MAP_FAILED)
		return complain("mmap %s", path);
	for (uint64_t i = 0; i < mib; i++) {
		fill(expected, seed, i);
		errno = 0;
		if (poke)
			memcpy(map + i * MIB, expected, MIB);
		else if (memcmp(map + i * MIB, expected, MIB) != 0)
			return complain("%s differs in MiB %llu", path, (unsigned long long)i);
	}
	if (poke && msync(map, mib * MIB, MS_SYNC) < 0)
		return complain("msync %s", path);
	munmap(map, mib * MIB);
	return close(fd) == 0 ? 0 : complain("close %s", path);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: big write|read|map|poke PATH MIB SEED\n");
		return 1;
	}
	uint64_t mib = strtoull(argv[3], NULL, 10), seed = strtoull(argv[4], NULL, 10);
	if (strcmp(argv[1], "write") == 0)
		return do_write(argv[2], mib, seed);
	if (strcmp(argv[1], "read") == 0)
		return do_read(argv[2], mib, seed);
	return do_map(argv[2], mib, seed, strcmp(argv[1], "poke") == 0);
}
