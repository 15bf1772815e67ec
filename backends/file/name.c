/* The names of a file layer's files. See file/name.h. */
#include "file/name.h"

#include <stdio.h>
#include <string.h>

#include "file/layer.h"

enum { HASH_SIZE = 17 }; /* "~" and 16 digits */

bool file_names(const struct file_conf *conf, struct key key, char plain[FILE_NAME_SIZE],
		char hashed[FILE_NAME_SIZE])
{
	const char *extension = conf->file_extension;
	size_t room = FILE_NAME_SIZE - 1 - strlen(extension);
	size_t cut = key.size < room - HASH_SIZE ? key.size : room - HASH_SIZE;
	char clean[FILE_NAME_SIZE];
	bool fits = key.size <= room;

	for (size_t i = 0; i < key.size && i < sizeof(clean); i++) {
		char c = key.bytes[i];
		clean[i] = c == '/' || c == '\\' || c == '\0' ? '_' : c;
		fits = fits && c != '\0';
	}
	snprintf(hashed, FILE_NAME_SIZE, "%.*s~%016llx%s", (int)cut, clean,
		 (unsigned long long)key_hash(key), extension);
	if (!fits)
		return false;
	snprintf(plain, FILE_NAME_SIZE, "%.*s%s", (int)key.size, clean, extension);
	return strncmp(plain, FILE_OURS, sizeof(FILE_OURS) - 1) != 0;
}

bool file_is_entry(const struct file_conf *conf, const char *name)
{
	size_t size = strlen(name), extension = strlen(conf->file_extension);

	return size > extension && strncmp(name, FILE_OURS, sizeof(FILE_OURS) - 1) != 0 &&
	       strcmp(name + size - extension, conf->file_extension) == 0 &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}
