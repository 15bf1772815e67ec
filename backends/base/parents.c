/* Makes the directories that lead to a path. See parents.h. */
#include "base/parents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int parents_make_one(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return (mode & 0077u) && chmod(path, mode) < 0 ? -errno : 0;
}

int parents_make(const char *path, mode_t mode)
{
	char *copy = strdup(path);
	int rc = copy ? 0 : -ENOMEM;

	for (char *slash = copy && *copy ? strchr(copy + 1, '/') : NULL; slash && rc == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		rc = parents_make_one(copy, mode);
		*slash = '/';
	}
	free(copy);
	return rc;
}
