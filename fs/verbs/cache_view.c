/* See cache_view.h. */
#include "verbs/cache_view.h"

#include <errno.h>

#include "verbs/answer.h"
#include "verbs/directory.h"
#include "verbs/link.h"
#include "verbs/lookup.h"
#include "verbs/metadata.h"

static int look_up(struct fs *fs, struct inode *dir, struct key name, pid_t tid,
		   struct attributes *out)
{
	int rc = lookup(fs, dir, name, tid, out);

	if (rc == -ENOENT)
		lookup_missed(fs, dir, name, tid);
	return rc;
}

static int peek_directory(struct fs *fs, struct inode *dir, pid_t tid, struct meta *meta)
{
	(void)tid;
	return directory_stat(fs, dir, meta);
}

static int stat_entry(struct fs *fs, struct key key, struct meta *meta)
{
	return key.size > 0 ? layered_stat(fs->cache, key, meta) : -ENOENT;
}

static int list_children(struct fs *fs, struct key dir, struct key after, bool after_is_dir,
			 struct children *batch)
{
	return layered_list(fs->cache, dir, after, after_is_dir, batch);
}

const struct view cache_directory_view = { .attributes = answer_directory_attributes,
					   .attributes_locked = attributes_of_directory_locked,
					   .peek = peek_directory,
					   .lookup = look_up,
					   .stat = stat_entry,
					   .list = list_children };

const struct view cache_file_view = { .attributes = answer_file_attributes,
				      .attributes_locked = attributes_of_file_locked,
				      .peek = metadata_peek,
				      .link = link_target };
