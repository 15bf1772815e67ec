/*
 * model MOUNTED_DIR LOCAL_DIR OPERATIONS [SEED]
 *
 * Does the same random operations on a few files of a mount and of a local directory, and compares
 * what it sees after each: bytes, sizes, results, errnos. The seed is printed first; with it a
 * failure comes again. All in one process, so that each difference has an operation to blame.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 4, FDS = 5, SMALL = 200 * 1000, LARGE = 3 * 1000 * 1000, CHUNK = 64 * 1024 };

/* The same thing on both sides. */
enum { MOUNTED, LOCAL, SIDES };

struct open_file {
	int fd[SIDES]; /* -1: closed */
	int file;      /* -1: it has no name any more */
	bool append;
};

static const char *dirs[SIDES];
static struct open_file open_files[FDS];
static uint64_t seed, state, operation;
static char what[256]; /* the operation under way */

static uint64_t draw(uint64_t below)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

__attribute__((noreturn, format(printf, 1, 2))) static void differ(const char *text, ...)
{
	va_list args;

	printf("operation %" PRIu64 ", %s: ", operation, what);
	va_start(args, text);
	vprintf(text, args);
	va_end(args);
	printf("\nagain: model %s %s %" PRIu64 " %" PRIu64 "\n", dirs[MOUNTED], dirs[LOCAL],
	       operation + 1, seed);
	exit(1);
}

__attribute__((format(printf, 1, 2))) static void say(const char *text, ...)
{
	va_list args;

	va_start(args, text);
	vsnprintf(what, sizeof(what), text, args);
	va_end(args);
	if (getenv("MODEL_TRACE"))
		fprintf(stderr, "%" PRIu64 " %s\n", operation, what);
}

/* Keys, and temporary names, which no layer sees. */
static const char *const names[FILES] = { "f0", "f1", "f2.tmp", "f3.part" };

static const char *path(int side, int file)
{
	static char paths[4][4096];
	static unsigned next;
	char *text = paths[next++ % 4];

	snprintf(text, sizeof(paths[0]), "%s/%s", dirs[side], names[file]);
	return text;
}

/* Results with their errnos; both sides must agree. */
static bool same(const int64_t result[SIDES], const int error[SIDES])
{
	int wrong[SIDES];

	for (int side = 0; side < SIDES; side++)
		wrong[side] = result[side] < 0 ? error[side] : 0;
	if (result[MOUNTED] != result[LOCAL] || wrong[MOUNTED] != wrong[LOCAL])
		differ("%" PRId64 " (%s) on the mount, %" PRId64 " (%s) locally", result[MOUNTED],
		       strerrorname_np(wrong[MOUNTED]), result[LOCAL],
		       strerrorname_np(wrong[LOCAL]));
	return result[LOCAL] >= 0;
}

/* Runs one expression on both sides. */
#define BOTH(expression)                                                                           \
	__extension__({                                                                            \
		int64_t results[SIDES];                                                            \
		int errors[SIDES];                                                                 \
		for (int side = 0; side < SIDES; side++) {                                         \
			results[side] = (expression);                                              \
			errors[side] = errno;                                                      \
		}                                                                                  \
		same(results, errors);                                                             \
	})

static void compare_bytes(const uint8_t *mounted, const uint8_t *local, size_t size, int64_t start)
{
	for (size_t i = 0; i < size; i++)
		if (mounted[i] != local[i])
			differ("byte %" PRId64 " is %02x on the mount, %02x locally",
			       start + (int64_t)i, mounted[i], local[i]);
}

static void compare_range(const int fd[SIDES], int64_t offset, size_t size)
{
	static uint8_t buffers[SIDES][CHUNK];

	while (size > 0) {
		size_t part = size < CHUNK ? size : CHUNK;
		int64_t n[SIDES];
		for (int side = 0; side < SIDES; side++)
			n[side] = pread(fd[side], buffers[side], part, offset);
		if (n[MOUNTED] != n[LOCAL])
			differ("read %" PRId64 " at %" PRId64 " on the mount, %" PRId64 " locally",
			       n[MOUNTED], offset, n[LOCAL]);
		if (n[LOCAL] <= 0)
			return;
		compare_bytes(buffers[MOUNTED], buffers[LOCAL], (size_t)n[LOCAL], offset);
		offset += n[LOCAL];
		size -= (size_t)n[LOCAL];
	}
}

static int64_t size_of(const struct open_file *f)
{
	struct stat st[SIDES];

	for (int side = 0; side < SIDES; side++)
		fstat(f->fd[side], &st[side]);
	if (st[MOUNTED].st_size != st[LOCAL].st_size)
		differ("fstat says %" PRId64 " on the mount, %" PRId64 " locally",
		       (int64_t)st[MOUNTED].st_size, (int64_t)st[LOCAL].st_size);
	return st[LOCAL].st_size;
}

/* --- choosing --------------------------------------------------------------------------------- */

static int users_of(int file)
{
	int count = 0;

	for (int i = 0; i < FDS; i++)
		count += open_files[i].fd[LOCAL] >= 0 && open_files[i].file == file;
	return count;
}

static struct open_file *some_open_file(void)
{
	struct open_file *f = &open_files[draw(FDS)];

	return f->fd[LOCAL] >= 0 ? f : NULL;
}

static int64_t some_size(void)
{
	return (int64_t)(draw(20) == 0 ? draw(LARGE) : draw(draw(2) ? SMALL : 5000));
}

static const uint8_t *some_bytes(size_t size)
{
	static uint8_t bytes[LARGE];

	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = draw(UINT64_MAX);
		memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
	}
	return bytes;
}

/* --- operations ------------------------------------------------------------------------------- */

static void close_file(struct open_file *f)
{
	BOTH(close(f->fd[side]));
	f->fd[MOUNTED] = f->fd[LOCAL] = -1;
}

static void do_open(void)
{
	struct open_file *f = &open_files[draw(FDS)];
	int file = (int)draw(FILES), flags = O_RDWR | (draw(2) ? O_CREAT : 0);

	if (f->fd[LOCAL] >= 0)
		return;
	/* A set is private to its writer: only where nobody else has the file. */
	if (draw(4) == 0 && users_of(file) == 0)
		flags |= O_TRUNC;
	f->append = draw(4) == 0;
	say("open f%d flags %#x%s", file, (unsigned)flags, f->append ? " append" : "");
	flags |= f->append ? O_APPEND : 0;
	if (!BOTH((f->fd[side] = open(path(side, file), flags, 0644)) < 0 ? -1 : 0))
		return;
	f->file = file;
	if (flags & O_TRUNC) /* until it is published, others have the old value */
		BOTH(fsync(f->fd[side]));
	compare_range(f->fd, 0, SIZE_MAX);
}

static void do_close(void)
{
	struct open_file *f = some_open_file();

	if (!f)
		return;
	say("close f%d", f->file);
	close_file(f);
}

static void do_write(void)
{
	struct open_file *f = some_open_file();
	int64_t offset = some_size();
	size_t size = (size_t)(draw(30) == 0 ? draw(LARGE) : draw(20000));

	if (!f)
		return;
	const uint8_t *bytes = some_bytes(size);
	say("write f%d %zu at %" PRId64 "%s", f->file, size, offset, f->append ? " append" : "");
	BOTH(pwrite(f->fd[side], bytes, size, offset));
	size_of(f);
}

static void do_read(void)
{
	struct open_file *f = some_open_file();
	int64_t offset = some_size();

	if (!f)
		return;
	say("read f%d at %" PRId64, f->file, offset);
	compare_range(f->fd, offset, draw(100000) + 1);
}

static void do_truncate(void)
{
	struct open_file *f = some_open_file();
	int64_t size = some_size();
	int file = (int)draw(FILES);

	if (f && draw(2)) {
		say("ftruncate f%d to %" PRId64, f->file, size);
		BOTH(ftruncate(f->fd[side], size));
		size_of(f);
	} else {
		say("truncate f%d to %" PRId64, file, size);
		BOTH(truncate(path(side, file), size));
	}
}

/* What fallocate() would do on a file system that cannot. */
static void allocate_locally(const struct open_file *f, int mode, int64_t offset, int64_t size)
{
	struct stat st;
	int64_t end = offset + size;
	int fd = open(path(LOCAL, f->file), O_RDWR | O_CLOEXEC); /* f's may append */

	if (fd < 0 || fstat(fd, &st) < 0)
		differ("%s", strerrorname_np(errno));
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > st.st_size && ftruncate(fd, end) < 0)
		differ("%s", strerrorname_np(errno));
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		for (int64_t at = offset; at < end && at < st.st_size; at++)
			if (pwrite(fd, "", 1, at) != 1)
				differ("%s", strerrorname_np(errno));
	close(fd);
}

static void do_fallocate(void)
{
	struct open_file *f = some_open_file();
	int64_t offset = some_size(), size = some_size() + 1;
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_ZERO_RANGE };
	int mode = modes[draw(4)];

	if (!f)
		return;
	say("fallocate f%d mode %d, %" PRId64 " at %" PRId64, f->file, mode, size, offset);
	/* What one side cannot, the other does not. */
	if (fallocate(f->fd[MOUNTED], mode, offset, size) < 0) {
		if (errno != EOPNOTSUPP)
			differ("%s", strerrorname_np(errno));
		return;
	}
	if (fallocate(f->fd[LOCAL], mode, offset, size) < 0)
		allocate_locally(f, mode, offset, size);
	size_of(f);
	compare_range(f->fd, offset, (size_t)size);
}

static void do_copy(void)
{
	struct open_file *from = some_open_file(), *to = some_open_file();
	int64_t in = some_size(), out = some_size();
	size_t size = (size_t)draw(100000);

	if (!from || !to || to->append || from == to || from->file == to->file)
		return;
	say("copy_file_range f%d %" PRId64 " to f%d %" PRId64 ", %zu", from->file, in, to->file,
	    out, size);
	for (int side = 0; side < SIDES; side++) {
		off64_t at = in, target = out;
		size_t left = size;
		ssize_t n = 1;
		while (left > 0 && n > 0) {
			n = copy_file_range(from->fd[side], &at, to->fd[side], &target, left, 0);
			if (n < 0)
				differ("%s", strerrorname_np(errno));
			left -= (size_t)n;
		}
	}
	size_of(to);
	compare_range(to->fd, out, size);
}

/* What is said to be a hole holds zeros. */
static void do_seek(void)
{
	struct open_file *f = some_open_file();
	uint8_t byte = 0;

	if (!f || size_of(f) == 0)
		return;
	int64_t size = size_of(f), start = (int64_t)draw((uint64_t)size);
	say("seek f%d from %" PRId64, f->file, start);
	int64_t data = lseek(f->fd[MOUNTED], start, SEEK_DATA);
	int64_t hole = lseek(f->fd[MOUNTED], start, SEEK_HOLE);
	if (hole < start || hole > size || (data < 0 && errno != ENXIO) || data > size)
		differ("data at %" PRId64 ", hole at %" PRId64 ", size %" PRId64, data, hole, size);
	int64_t end = data < 0 ? size : data;
	for (int64_t at = start; at < end; at += 512)
		if (pread(f->fd[LOCAL], &byte, 1, at) == 1 && byte != 0)
			differ("data at %" PRId64 " is said to be a hole", at);
}

static void do_fsync(void)
{
	struct open_file *f = some_open_file();

	if (!f)
		return;
	say("fsync f%d", f->file);
	BOTH(draw(2) ? fsync(f->fd[side]) : fdatasync(f->fd[side]));
}

/* A shared mapping: read, written, and cut short or made longer by a truncate meanwhile. */
static void do_map(void)
{
	struct open_file *f = some_open_file();
	uint8_t *map[SIDES];

	if (!f || size_of(f) == 0)
		return;
	size_t size = (size_t)size_of(f), at = (size_t)draw(size), left = size - at;
	size_t count = (size_t)draw(left < LARGE ? left : LARGE);
	const uint8_t *bytes = some_bytes(count);
	bool truncates = draw(3) == 0, syncs = draw(2);
	say("map f%d, %zu bytes at %zu%s", f->file, count, at, truncates ? ", truncate" : "");
	for (int side = 0; side < SIDES; side++) {
		map[side] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd[side], 0);
		if (map[side] == MAP_FAILED)
			differ("%s", strerrorname_np(errno));
	}
	compare_bytes(map[MOUNTED], map[LOCAL], size, 0);
	for (int side = 0; side < SIDES; side++)
		memcpy(map[side] + at, bytes, count);
	if (truncates && at > 0) {
		BOTH(ftruncate(f->fd[side], (off_t)at));
		compare_bytes(map[MOUNTED], map[LOCAL], at, 0);
		BOTH(ftruncate(f->fd[side], (off_t)size));
		compare_bytes(map[MOUNTED], map[LOCAL], size, 0);
	}
	for (int side = 0; side < SIDES; side++) {
		if (syncs)
			msync(map[side], size, MS_SYNC);
		munmap(map[side], size);
	}
	compare_range(f->fd, 0, SIZE_MAX);
}

static void do_rename(void)
{
	int from = (int)draw(FILES), to = (int)draw(FILES);

	if (from == to)
		return;
	say("rename f%d to f%d", from, to);
	if (!BOTH(rename(path(side, from), path(side, to))))
		return;
	for (int i = 0; i < FDS; i++) {
		if (open_files[i].file == to)
			open_files[i].file = -1;
		else if (open_files[i].file == from)
			open_files[i].file = to;
	}
}

static void do_unlink(void)
{
	int file = (int)draw(FILES);

	say("unlink f%d", file);
	BOTH(unlink(path(side, file)));
	for (int i = 0; i < FDS; i++)
		if (open_files[i].file == file)
			open_files[i].file = -1;
}

/* What others see, once it is closed. */
static void do_look(void)
{
	int file = (int)draw(FILES), fd[SIDES];
	struct stat st[SIDES];

	if (users_of(file) > 0)
		return;
	say("look at f%d", file);
	if (!BOTH(stat(path(side, file), &st[side])))
		return;
	if (st[MOUNTED].st_size != st[LOCAL].st_size)
		differ("stat says %" PRId64 " on the mount, %" PRId64 " locally",
		       (int64_t)st[MOUNTED].st_size, (int64_t)st[LOCAL].st_size);
	for (int side = 0; side < SIDES; side++)
		fd[side] = open(path(side, file), O_RDONLY);
	compare_range(fd, 0, SIZE_MAX);
	for (int side = 0; side < SIDES; side++)
		close(fd[side]);
}

/* How often each of them comes, of a hundred. */
static const struct {
	void (*run)(void);
	unsigned share;
} operations[] = {
	{ do_open, 14 }, { do_close, 8 },  { do_write, 22 },    { do_read, 12 }, { do_truncate, 8 },
	{ do_map, 8 },   { do_copy, 6 },   { do_fallocate, 4 }, { do_seek, 3 },  { do_fsync, 3 },
	{ do_look, 8 },  { do_rename, 3 }, { do_unlink, 1 },
};

static void step(void)
{
	uint64_t at = draw(100);

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (at < operations[i].share) {
			operations[i].run();
			return;
		}
		at -= operations[i].share;
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "model MOUNTED_DIR LOCAL_DIR OPERATIONS [SEED]\n");
		return 2;
	}
	dirs[MOUNTED] = argv[1];
	dirs[LOCAL] = argv[2];
	uint64_t count = strtoull(argv[3], NULL, 10);
	if (argc > 4)
		seed = strtoull(argv[4], NULL, 10);
	else if (getrandom(&seed, sizeof(seed), 0) < 0)
		return 1;
	state = seed;
	printf("seed %" PRIu64 "\n", seed);
	for (int i = 0; i < FDS; i++)
		open_files[i] = (struct open_file){ { -1, -1 }, -1, false };
	for (operation = 0; operation < count; operation++)
		step();
	for (int i = 0; i < FDS; i++) {
		say("the end");
		if (open_files[i].fd[LOCAL] < 0)
			continue;
		compare_range(open_files[i].fd, 0, SIZE_MAX);
		close_file(&open_files[i]);
	}
	for (int i = 0; i < 20 * FILES; i++)
		do_look();
	return 0;
}
