/* Makes SQLite's system calls safe. See sqlite_os.h. */
#include "kit/sqlite_os.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

/* --- opening ---------------------------------------------------------------------------------- */

/* What SQLite opens of its own accord. */
static bool is_of_the_system(const char *path)
{
	return strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/null") == 0;
}

/* To be closed again costs no lock: POSIX's hang on the file, and this one is nobody's database. */
static int open_regular(const char *path, int flags, int mode)
{
	struct stat st;
	int fd = open(path, flags | O_NONBLOCK, mode);

	if (fd < 0 || is_of_the_system(path))
		return fd;
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* --- a fault ---------------------------------------------------------------------------------- */

static atomic_uint faults;
static struct sigaction other_action;

unsigned sqlite_os_faults(void)
{
	return atomic_load(&faults);
}

/* A line of /proc/self/maps as it is read, byte by byte: "from-to ... path". */
struct mapping {
	uintptr_t from, to;
	unsigned part; /* 0: from, 1: to, 2: the rest */
	bool has_path;
	char end[16]; /* of the line */
	size_t size;
};

static void mapping_add(struct mapping *m, char c)
{
	uintptr_t digit = (uintptr_t)(c >= 'a' ? c - 'a' + 10 : c - '0');

	if (m->part < 2 && (c == '-' || c == ' ')) {
		m->part++;
	} else if (m->part == 0) {
		m->from = m->from << 4 | digit;
	} else if (m->part == 1) {
		m->to = m->to << 4 | digit;
	} else {
		m->has_path |= c == '/' || c == '[';
		if (m->size == sizeof(m->end))
			memmove(m->end, m->end + 1, --m->size);
		m->end[m->size++] = c;
	}
}

static bool mapping_ends_with(const struct mapping *m, const char *end)
{
	size_t size = strlen(end);

	return m->size >= size && memcmp(m->end + m->size - size, end, size) == 0;
}

enum place { PLACE_OTHER, PLACE_INDEX, PLACE_ANONYMOUS };

static enum place mapping_place(const struct mapping *m)
{
	if (mapping_ends_with(m, "-shm") || mapping_ends_with(m, "-shm (deleted)"))
		return PLACE_INDEX;
	return m->has_path ? PLACE_OTHER : PLACE_ANONYMOUS;
}

/* What is mapped there. In a signal handler: nothing but system calls. */
static enum place find_place(uintptr_t address)
{
	struct mapping m = { 0 };
	enum place place = PLACE_OTHER;
	char bytes[512];
	bool found = false;
	ssize_t n = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && !found && (n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n && !found; i++) {
			if (bytes[i] != '\n') {
				mapping_add(&m, bytes[i]);
				continue;
			}
			found = address >= m.from && address < m.to;
			if (found)
				place = mapping_place(&m);
			m = (struct mapping){ 0 };
		}
	if (fd >= 0)
		close(fd);
	return place;
}

static bool map_zeros(uintptr_t page, size_t size)
{
	return mmap((void *)page, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* What is not ours comes again, to whoever was there before. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
	uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t page = (uintptr_t)info->si_addr / page_size * page_size;
	int error = errno;

	(void)context;
	/* First, so that nobody reads zeros and finds the number unchanged. */
	atomic_fetch_add(&faults, 1);
	enum place place = find_place(page);
	bool ours = place == PLACE_INDEX && map_zeros(page, page_size);
	/* Another thread was here first. */
	ours |= place == PLACE_ANONYMOUS && info->si_code == BUS_ADRERR;
	if (!ours)
		sigaction(number, &other_action, NULL);
	errno = error;
}

/* --- both ------------------------------------------------------------------------------------- */

static void prepare(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	sigaction(SIGBUS, &action, &other_action);
	if (vfs && vfs->iVersion >= 3)
		vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)open_regular);
}

void sqlite_os_prepare(void)
{
	static pthread_once_t prepared = PTHREAD_ONCE_INIT;

	pthread_once(&prepared, prepare);
}
