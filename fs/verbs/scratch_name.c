/* See scratch_name.h. */
#include "verbs/scratch_name.h"

#include <assert.h>
#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWN_MIN = 6 }; /* letters that mkstemp(3) draws */

/* Whether it looks drawn at random: letters and digits, not all of them small letters. */
static bool is_drawn(const char *text, size_t size)
{
	size_t small = 0;

	for (size_t i = 0; i < size; i++) {
		if (!isalnum((unsigned char)text[i]))
			return false;
		small += islower((unsigned char)text[i]) ? 1 : 0;
	}
	return small < size;
}

/* Whether the pattern stands for names that are drawn: many are also words that people use. */
static bool is_for_drawn(const char *pattern)
{
	size_t length = strlen(pattern), drawn = 0;

	while (drawn < length && pattern[length - drawn - 1] == 'X')
		drawn++;
	return drawn >= DRAWN_MIN || strstr(pattern, "??????");
}

static bool fits(const char *pattern, const char *name, size_t size)
{
	char head[KEY_COMPONENT_MAX + 1];
	size_t length = strlen(pattern), drawn = 0;

	while (drawn < length && pattern[length - drawn - 1] == 'X')
		drawn++;
	if (drawn < DRAWN_MIN)
		return fnmatch(pattern, name, 0) == 0;
	if (size <= drawn || !is_drawn(name + size - drawn, drawn))
		return false;
	memcpy(head, name, size - drawn);
	head[size - drawn] = '\0';
	char *pattern_head = strndup(pattern, length - drawn);
	bool same = pattern_head && fnmatch(pattern_head, head, 0) == 0;
	free(pattern_head);
	return same;
}

static bool fits_one(char *const *patterns, struct key name, bool drawn)
{
	char text[KEY_COMPONENT_MAX + 1];

	if (!patterns || name.size > KEY_COMPONENT_MAX)
		return false;
	memcpy(text, name.bytes, name.size);
	text[name.size] = '\0';
	for (; *patterns; patterns++)
		if ((drawn || !is_for_drawn(*patterns)) && fits(*patterns, text, name.size))
			return true;
	return false;
}

bool scratch_is_name(char *const *patterns, struct key name)
{
	return fits_one(patterns, name, false);
}

bool scratch_is_made(char *const *patterns, struct key name, int flags, uint32_t mode)
{
	return fits_one(patterns, name, (flags & O_EXCL) && (mode & 07777) == 0600);
}

bool scratch_has_name(const struct fs *fs, const struct name *name)
{
	return scratch_is_name(fs->conf->scratch_names, key_make(name->text, name->size));
}

bool scratch_can_be_locked(const struct fs *fs, const struct inode *inode)
{
	const struct name *name = inode->name;

	assert(lock_is_held(&fs->inodes.lock));
	return inode->kind == INODE_FILE && name && !inode_is_scratch(inode) &&
	       scratch_has_name(fs, name);
}
