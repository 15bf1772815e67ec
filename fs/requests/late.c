/* See late.h. */
#include "requests/late.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/waiting.h"
#include "inspect/request_counts.h"
#include "requests/owed.h"

enum { EARLIER_MAX_MS = 60 * 1000 };

/* A RELEASE or FORGET that is kept, with a copy of its bytes. */
struct kept {
	struct kept *next;
	struct fuse_buf buf;
};

struct late {
	struct fuse_session *se;
	const struct time_source *time;
	int64_t limit_ms;

	struct lock lock; /* RANK_LATE; guards what follows, and all late_requests */
	struct late_request *requests;
	struct kept *kept, **kept_end;
	bool clearing; /* a thread does what was kept */
	atomic_uint count;
};

struct late *late_new(struct fuse_session *se, const struct time_source *time, int64_t limit_ms)
{
	struct late *late = calloc(1, sizeof(*late));
	if (late == NULL)
		return NULL;
	late->se = se;
	late->time = time;
	late->limit_ms = limit_ms;
	late->kept_end = &late->kept;
	lock_init(&late->lock, RANK_LATE);
	return late;
}

unsigned late_count(const struct late *late)
{
	return atomic_load(&late->count);
}

static struct kept *kept_pop_locked(struct late *late)
{
	struct kept *k = late->kept;
	assert(lock_is_held(&late->lock));
	if (k == NULL)
		return NULL;
	assert(late->clearing);
	late->kept = k->next;
	if (late->kept == NULL)
		late->kept_end = &late->kept;
	return k;
}

static void kept_free(struct kept *k)
{
	free(k->buf.mem);
	free(k);
}

void late_free(struct late *late)
{
	if (late == NULL)
		return;
	assert(late->requests == NULL && !late->clearing && late_count(late) == 0);
	while (late->kept != NULL) {
		struct kept *k = late->kept;
		late->kept = k->next;
		kept_free(k);
	}
	lock_fini(&late->lock);
	free(late);
}

/* ---- one request ---- */

/* The rest gets no answer, or is a lock, whose waits have their own limit (op_lock.c). */
static bool is_answered(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_NOTIFY_REPLY:
	case FUSE_INIT:
	case FUSE_SETLK:
	case FUSE_SETLKW:
		return false;
	default:
		return true;
	}
}

static bool is_release(uint32_t opcode)
{
	return opcode == FUSE_RELEASE || opcode == FUSE_RELEASEDIR;
}

static bool ends_a_life(uint32_t opcode)
{
	return is_release(opcode) || opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET;
}

/* ENOENT: it has been answered meanwhile. */
static void answer(const struct late *late, uint64_t unique, int error)
{
	struct fuse_out_header out = { .len = sizeof(out), .error = -error, .unique = unique };
	struct iovec iov = { .iov_base = &out, .iov_len = sizeof(out) };
	if (writev(fuse_session_fd(late->se), &iov, 1) < 0 && errno != ENOENT)
		log_warning("cannot answer a request that is late: %s", strerror(errno));
}

/* A copy. NULL: out of memory; then what would be released stays. */
static struct kept *keep(const struct fuse_buf *buf)
{
	struct kept *k = calloc(1, sizeof(*k));
	void *bytes = malloc(buf->size);
	if (k == NULL || bytes == NULL) {
		free(k);
		free(bytes);
		return NULL;
	}
	memcpy(bytes, buf->mem, buf->size);
	k->buf = (struct fuse_buf){ .mem = bytes, .size = buf->size };
	return k;
}

/* Whether the request is kept for later, in the order of arrival. */
static bool kept_for_later(struct late *late, const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;
	struct kept *k = NULL;
	if (!ends_a_life(in->opcode))
		return false;
	lock_take(&late->lock);
	bool keeps = late_count(late) > 0 || late->clearing || late->kept != NULL;
	lock_release(&late->lock);
	if (!keeps)
		return false;
	if (is_release(in->opcode)) /* nobody waits for the answer, and it might be late */
		answer(late, in->unique, 0);
	k = keep(buf);
	if (k == NULL)
		return true;
	lock_take(&late->lock);
	assert(*late->kept_end == NULL);
	*late->kept_end = k;
	late->kept_end = &k->next;
	lock_release(&late->lock);
	return true;
}

static void handle(struct late *late, struct late_request *mine, const struct fuse_buf *buf,
		   int64_t since_ms)
{
	const struct fuse_in_header *in = buf->mem;
	int64_t earlier = late->limit_ms / 3;
	struct deadline end = { late->time, since_ms + late->limit_ms };

	end.at_ms -= earlier < EARLIER_MAX_MS ? earlier : EARLIER_MAX_MS;
	lock_take(&late->lock);
	assert(mine->unique == 0);
	if (!mine->known) {
		mine->next = late->requests;
		late->requests = mine;
		mine->known = true;
	}
	mine->unique = is_answered(in->opcode) ? in->unique : 0;
	mine->opcode = in->opcode;
	mine->since_ms = since_ms;
	mine->answered = false;
	lock_release(&late->lock);

	waiting_set_end(&end);
	owed_process(late->se, buf);
	waiting_set_end(NULL);

	lock_take(&late->lock);
	mine->unique = 0;
	if (mine->answered) {
		assert(late_count(late) > 0);
		atomic_fetch_sub(&late->count, 1);
	}
	lock_release(&late->lock);
}

/* What was kept, if no handler goes on any more; some may be kept again. */
static void clear(struct late *late, struct late_request *mine)
{
	struct kept *k;
	lock_take(&late->lock);
	bool clears = !late->clearing && late->kept != NULL;
	late->clearing = late->clearing || clears;
	while (clears && late_count(late) == 0 && (k = kept_pop_locked(late)) != NULL) {
		lock_release(&late->lock);
		handle(late, mine, &k->buf, time_mono_ms(late->time));
		kept_free(k);
		lock_take(&late->lock);
	}
	if (clears)
		late->clearing = false;
	lock_release(&late->lock);
}

void late_serve(struct late *late, struct late_request *mine, const struct fuse_buf *buf,
		int64_t since_ms)
{
	if (!kept_for_later(late, buf))
		handle(late, mine, buf, since_ms);
	clear(late, mine);
}

void late_leave(struct late *late, struct late_request *mine)
{
	lock_take(&late->lock);
	assert(mine->unique == 0);
	struct late_request **at = &late->requests;
	while (*at != NULL && *at != mine)
		at = &(*at)->next;
	if (*at != NULL)
		*at = mine->next;
	lock_release(&late->lock);
}

/* ---- all requests ---- */

/* One that is late, and is marked as answered. */
static bool find_late(struct late *late, struct late_request *found)
{
	int64_t before = time_mono_ms(late->time) - late->limit_ms;
	lock_take(&late->lock);
	struct late_request *r = late->requests;
	while (r != NULL && (r->unique == 0 || r->answered || r->since_ms > before))
		r = r->next;
	if (r != NULL) {
		r->answered = true;
		atomic_fetch_add(&late->count, 1);
		*found = *r;
	}
	lock_release(&late->lock);
	return r != NULL;
}

void late_look(struct late *late)
{
	struct late_request r;
	while (find_late(late, &r)) {
		const char *name = request_name(r.opcode);
		int error = is_release(r.opcode) ? 0 : ETIMEDOUT;
		answer(late, r.unique, error);
		log_warning(
			"%s took longer than %lld ms and was answered with %s: the kernel would "
			"have ended the mount",
			name ? name : "a request", (long long)late->limit_ms,
			error ? "ETIMEDOUT" : "success");
	}
}
