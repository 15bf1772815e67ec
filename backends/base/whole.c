/* Reads and writes of whole ranges of a file. See whole.h. */
#include "base/whole.h"

#include <errno.h>
#include <unistd.h>

int whole_read(int fd, void *bytes, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));
		if (n == 0)
			return -ENODATA;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int whole_write(int fd, const void *bytes, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pwrite(fd, (const char *)bytes + done, size - done,
				   (off_t)(offset + done));
		if (n == 0)
			return -EIO;
		if (n < 0 && errno != EINTR)
			return errno == EDQUOT ? -ENOSPC : -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}
