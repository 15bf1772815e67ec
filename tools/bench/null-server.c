/*
 * A file system that does nothing but answer: what FUSE and libfuse cost by themselves, for
 * cachefs-bench. One directory of small files in memory, libfuse's own loop.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 512, FILE_BYTES = 4096, NAME_BYTES = 32 };

/* A file's node id is its index + 2. */
struct file {
	char name[NAME_BYTES]; /* "" : free */
	size_t size;
	char bytes[FILE_BYTES];
};

static struct file files[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards files */

static struct file *file_of(fuse_ino_t ino)
{
	return ino >= 2 && ino - 2 < FILES ? &files[ino - 2] : NULL;
}

static struct file *file_find(const char *name)
{
	for (struct file *f = files; f < files + FILES; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static struct stat file_stat(fuse_ino_t ino)
{
	const struct file *f = file_of(ino);

	return (struct stat){ .st_ino = ino,
			      .st_uid = getuid(),
			      .st_gid = getgid(),
			      .st_nlink = 1,
			      .st_mode = f ? S_IFREG | 0644 : S_IFDIR | 0755,
			      .st_size = f ? (off_t)f->size : 0 };
}

static struct fuse_entry_param entry_of(const struct file *f)
{
	fuse_ino_t ino = (fuse_ino_t)(f - files) + 2;

	return (struct fuse_entry_param){
		.ino = ino, .attr = file_stat(ino), .attr_timeout = 1, .entry_timeout = 1
	};
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { 0 };

	(void)parent;
	pthread_mutex_lock(&lock);
	const struct file *f = file_find(name);
	if (f)
		entry = entry_of(f);
	pthread_mutex_unlock(&lock);
	if (f)
		fuse_reply_entry(req, &entry);
	else
		fuse_reply_err(req, ENOENT);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	pthread_mutex_lock(&lock);
	struct stat st = file_stat(ino);
	pthread_mutex_unlock(&lock);
	fuse_reply_attr(req, &st, 1);
}

static void null_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
			 struct fuse_file_info *fi)
{
	struct file *f = file_of(ino);

	pthread_mutex_lock(&lock);
	if (f && to_set & FUSE_SET_ATTR_SIZE && attr->st_size <= FILE_BYTES)
		f->size = (size_t)attr->st_size;
	pthread_mutex_unlock(&lock);
	null_getattr(req, ino, fi);
}

static void file_opened(struct fuse_file_info *fi)
{
	fi->keep_cache = (fi->flags & O_TRUNC) == 0;
	fi->noflush = (fi->flags & O_ACCMODE) == O_RDONLY;
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct file *f = file_of(ino);

	if (f && fi->flags & O_TRUNC) {
		pthread_mutex_lock(&lock);
		f->size = 0;
		pthread_mutex_unlock(&lock);
	}
	file_opened(fi);
	fuse_reply_open(req, fi);
}

static void null_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			struct fuse_file_info *fi)
{
	struct fuse_entry_param entry;
	struct file *f = NULL;

	(void)parent;
	(void)mode;
	pthread_mutex_lock(&lock);
	if (strlen(name) < NAME_BYTES && !(f = file_find(name)))
		f = file_find("");
	if (f) {
		snprintf(f->name, sizeof(f->name), "%s", name);
		f->size = 0;
		entry = entry_of(f);
	}
	pthread_mutex_unlock(&lock);
	if (!f) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	file_opened(fi);
	fuse_reply_create(req, &entry, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		      struct fuse_file_info *fi)
{
	const struct file *f = file_of(ino);
	char bytes[FILE_BYTES];
	size_t count = 0;

	(void)fi;
	pthread_mutex_lock(&lock);
	if (f && (size_t)offset < f->size) {
		count = f->size - (size_t)offset < size ? f->size - (size_t)offset : size;
		memcpy(bytes, f->bytes + offset, count);
	}
	pthread_mutex_unlock(&lock);
	fuse_reply_buf(req, bytes, count);
}

static void null_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	struct file *f = file_of(ino);

	(void)fi;
	if (!f || offset > FILE_BYTES || size > (size_t)(FILE_BYTES - offset)) {
		fuse_reply_err(req, EFBIG);
		return;
	}
	pthread_mutex_lock(&lock);
	memcpy(f->bytes + offset, bytes, size);
	if (f->size < (size_t)offset + size)
		f->size = (size_t)offset + size;
	pthread_mutex_unlock(&lock);
	fuse_reply_write(req, size);
}

static void null_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	pthread_mutex_lock(&lock);
	struct file *f = file_find(name);
	if (f)
		f->name[0] = '\0';
	pthread_mutex_unlock(&lock);
	fuse_reply_err(req, f ? 0 : ENOENT);
}

static void null_ok(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops null_ops = {
	.lookup = null_lookup,
	.getattr = null_getattr,
	.setattr = null_setattr,
	.open = null_open,
	.create = null_create,
	.read = null_read,
	.write = null_write,
	.unlink = null_unlink,
	.flush = null_ok,
	.release = null_ok,
};

/* Serves until it is unmounted or told to end. */
static int serve(struct fuse_session *se, bool single)
{
	if (single)
		return fuse_session_loop(se);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, 10);
	int rc = fuse_session_loop_mt(se, config);
	fuse_loop_cfg_destroy(config);
	return rc;
}

int main(int argc, char **argv)
{
	bool single = argc == 3 && strcmp(argv[1], "-s") == 0;
	char *arguments[] = { argv[0], (char[]){ "-ofsname=null" }, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, arguments);

	if (argc != 2 && !single) {
		fprintf(stderr, "usage: null-server [-s] MOUNTPOINT\n");
		return 2;
	}
	struct fuse_session *se = fuse_session_new(&args, &null_ops, sizeof(null_ops), NULL);
	if (!se || fuse_set_signal_handlers(se) < 0 || fuse_session_mount(se, argv[argc - 1]) < 0)
		return 1;
	int rc = serve(se, single);
	fuse_session_unmount(se);
	fuse_remove_signal_handlers(se);
	fuse_session_destroy(se);
	return rc == 0 || rc == SIGTERM ? 0 : 1;
}
