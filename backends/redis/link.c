/* One connection to a Redis server. See redis/link.h. */
#include "redis/link.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GATHERED_VALUE = 32 * 1024, /* a larger value is sent by itself */
	CHUNK = 256 * 1024,         /* of a value that lies in a file, and of what is received */
	LOOK_MS = 250,              /* between looks whether the mount ends */
};

struct redis_arg redis_word(const char *text)
{
	return (struct redis_arg){ { key_of(text) } };
}

struct redis_arg redis_bytes(struct key bytes)
{
	return (struct redis_arg){ { bytes } };
}

/* What this process is short of says nothing of the server. */
static bool is_own(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE;
}

static int trouble(struct redis_link *l, const char *what, int error)
{
	if (!l->broken) {
		l->broken = true;
		if (error == ETIMEDOUT)
			snprintf(l->trouble, sizeof(l->trouble), "%s: timed out after %g s", what,
				 (double)l->timeout_ms / 1000);
		else if (error)
			snprintf(l->trouble, sizeof(l->trouble), "%s: %s", what, strerror(error));
		else
			snprintf(l->trouble, sizeof(l->trouble), "%s", what);
	}
	return is_own(error) ? -error : -EHOSTDOWN;
}

/* --- waiting ---------------------------------------------------------------------------------- */

void redis_link_turn(struct redis_link *l, int64_t start_ms, int64_t timeout_ms)
{
	l->start_ms = start_ms;
	l->timeout_ms = timeout_ms;
	l->moved = 0;
}

/* What is left of the turn. When the mount ends, whoever waited has waited long enough. */
static int64_t left_ms(const struct redis_link *l)
{
	int64_t end_ms = l->start_ms + l->timeout_ms + (int64_t)(l->moved / LINK_BYTES_PER_MS);
	int64_t ending_ms = atomic_load(l->ending_ms);

	if (ending_ms > 0 && l->start_ms < ending_ms && ending_ms + LINK_ENDING_MS < end_ms)
		end_ms = ending_ms + LINK_ENDING_MS;
	return end_ms - time_mono_ms(l->time);
}

/* Waits until the socket can do `events`. 0 or -EHOSTDOWN. */
static int await(struct redis_link *l, const char *what, short events)
{
	for (;;) {
		int64_t left = left_ms(l);
		struct pollfd p = { .fd = l->fd, .events = events };
		if (left <= 0)
			return trouble(l, what, ETIMEDOUT);
		int n = poll(&p, 1, left < LOOK_MS ? (int)left : LOOK_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return trouble(l, what, errno);
	}
}

/* --- connecting ------------------------------------------------------------------------------- */

static int finish_connect(struct redis_link *l)
{
	int error = 0, one = 1;
	socklen_t size = sizeof(error);

	int rc = await(l, "connect", POLLOUT);
	if (rc < 0)
		return rc;
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error)
		return trouble(l, "connect", error);
	/* Neither matters to a UNIX socket, nor is it needed. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	return 0;
}

/* hiredis makes room for all that an array announces, and frees it one by one. NULL ends the
 * reading. */
static void *create_array(const redisReadTask *task, LINK_ARRAY_SIZE elements)
{
	struct redis_link *l = task->privdata;

	if ((size_t)elements > LINK_REPLY_ELEMENTS - l->elements)
		return NULL;
	l->elements += (size_t)elements;
	return l->makers->createArray(task, elements);
}

static int make_reader(struct redis_link *l)
{
	l->reader = redisReaderCreate();
	if (!l->reader)
		return trouble(l, "out of memory", ENOMEM);
	l->makers = l->reader->fn;
	l->checkers = *l->makers;
	l->checkers.createArray = create_array;
	l->reader->fn = &l->checkers;
	l->reader->privdata = l;
	return 0;
}

int redis_link_open(struct redis_link *l, const struct redis_address *address,
		    const struct time_source *time, const atomic_int_fast64_t *ending_ms,
		    int64_t start_ms, int64_t timeout_ms)
{
	*l = (struct redis_link){ .fd = -1, .time = time, .ending_ms = ending_ms };
	redis_link_turn(l, start_ms, timeout_ms);
	int rc = make_reader(l);
	if (rc < 0)
		return rc;
	l->fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return trouble(l, "socket", errno);
	/* A UNIX socket whose queue is full says EAGAIN: nobody accepts there. */
	if (connect(l->fd, (const struct sockaddr *)&address->bytes, address->size) == 0)
		return finish_connect(l);
	if (errno == EAGAIN)
		return trouble(l, "connect: the server does not accept", 0);
	return errno == EINPROGRESS ? finish_connect(l) : trouble(l, "connect", errno);
}

void redis_link_free(struct redis_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->reader)
		redisReaderFree(l->reader);
	free(l->out);
	free(l);
}

bool redis_link_is_stale(const struct redis_link *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	assert(l->owed == 0 && l->out_size == 0);
	return l->broken || poll(&p, 1, 0) != 0;
}

bool redis_link_is_even(const struct redis_link *l)
{
	return !l->broken && !l->odd && l->owed == 0;
}

/* --- commands --------------------------------------------------------------------------------- */

void redis_link_wipe(struct redis_link *l)
{
	if (l->out)
		explicit_bzero(l->out, l->out_capacity);
}

static void gather(struct redis_link *l, const char *bytes, size_t size)
{
	if (l->broken || size == 0)
		return;
	if (size > l->out_capacity - l->out_size) {
		size_t capacity = (l->out_capacity + size) * 2;
		char *grown = malloc(capacity);
		if (!grown) {
			trouble(l, "out of memory", ENOMEM);
			return;
		}
		if (l->out_size > 0)
			memcpy(grown, l->out, l->out_size);
		redis_link_wipe(l); /* a password may be in it */
		free(l->out);
		l->out = grown;
		l->out_capacity = capacity;
	}
	memcpy(l->out + l->out_size, bytes, size);
	l->out_size += size;
}

static void gather_header(struct redis_link *l, char kind, uint64_t number)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%c%llu\r\n", kind, (unsigned long long)number);

	gather(l, text, (size_t)size);
}

void redis_link_begin(struct redis_link *l, size_t count)
{
	assert(count > 0 && l->missing == 0);
	l->missing = count;
	gather_header(l, '*', count);
	l->owed++;
}

void redis_link_add(struct redis_link *l, struct redis_arg arg)
{
	size_t size = 0;

	assert(l->missing > 0);
	l->missing--;
	for (int i = 0; i < 3; i++)
		size += arg.parts[i].size;
	gather_header(l, '$', size);
	for (int i = 0; i < 3; i++)
		gather(l, arg.parts[i].bytes, arg.parts[i].size);
	gather(l, "\r\n", 2);
}

void redis_link_command(struct redis_link *l, size_t count, const struct redis_arg *args)
{
	redis_link_begin(l, count);
	for (size_t i = 0; i < count; i++)
		redis_link_add(l, args[i]);
	if (key_equal(args[0].parts[0], key_of("WATCH")))
		l->watching = true;
}

/* Everything there is to send, now. */
static int send_bytes(struct redis_link *l, const char *bytes, size_t size)
{
	while (size > 0 && !l->broken) {
		ssize_t n = send(l->fd, bytes, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (await(l, "send", POLLOUT) < 0)
				break;
			continue;
		}
		if (n < 0) {
			trouble(l, "send", errno);
			break;
		}
		bytes += n;
		size -= (size_t)n;
		l->moved += (uint64_t)n;
	}
	return l->broken ? -EHOSTDOWN : 0;
}

static int flush(struct redis_link *l)
{
	int rc = send_bytes(l, l->out, l->out_size);

	l->out_size = 0;
	return rc;
}

static void send_file(struct redis_link *l, const struct value *value)
{
	char *chunk = malloc(CHUNK);

	if (!chunk)
		trouble(l, "out of memory", ENOMEM);
	for (uint64_t done = 0; done < value_size(value) && !l->broken;) {
		ssize_t n = value_read(value, chunk, CHUNK, done);
		if (n <= 0) {
			trouble(l, "reading a value", n < 0 ? (int)-n : EIO);
			break;
		}
		send_bytes(l, chunk, (size_t)n);
		done += (uint64_t)n;
	}
	free(chunk);
}

void redis_link_add_value(struct redis_link *l, const struct value *value)
{
	const char *bytes = value_bytes(value);
	size_t size = (size_t)value_size(value);

	assert(l->missing > 0);
	l->missing--;
	gather_header(l, '$', size);
	if (bytes && size <= GATHERED_VALUE) {
		gather(l, bytes, size);
	} else {
		flush(l);
		if (bytes)
			send_bytes(l, bytes, size);
		else
			send_file(l, value);
	}
	gather(l, "\r\n", 2);
}

/* --- replies ---------------------------------------------------------------------------------- */

/* Hands what has arrived to the parser; waits if nothing has. */
static int receive(struct redis_link *l)
{
	char chunk[64 * 1024];

	for (;;) {
		ssize_t n = recv(l->fd, chunk, sizeof(chunk), 0);
		if (n > 0) {
			l->moved += (uint64_t)n;
			l->arrived += (uint64_t)n;
			if (l->arrived > LINK_REPLY_BYTES + l->value_bytes)
				return trouble(l, "a reply without end", 0);
			if (redisReaderFeed(l->reader, chunk, (size_t)n) != REDIS_OK)
				return trouble(l, "out of memory", ENOMEM);
			return 0;
		}
		if (n == 0)
			return trouble(l, "the server closed the connection", 0);
		if (errno == EAGAIN) {
			int rc = await(l, "reply", POLLIN);
			if (rc < 0)
				return rc;
		} else if (errno != EINTR) {
			return trouble(l, "reply", errno);
		}
	}
}

static int take_reply(struct redis_link *l, redisReply *found, redisReply **reply)
{
	bool more = l->reader->pos < l->reader->len;

	assert(l->owed > 0 && !l->broken);
	l->arrived = l->reader->len - l->reader->pos;
	l->elements = 0;
	l->owed--;
	if (l->owed == 0 && more) {
		l->odd = true;
		freeReplyObject(found);
		return -EIO;
	}
	*reply = found;
	return 0;
}

int redis_link_reply(struct redis_link *l, redisReply **reply)
{
	void *found = NULL;

	assert(l->missing == 0);
	assert(l->owed > 0 || l->broken);
	*reply = NULL;
	if (l->out_size > 0)
		flush(l);
	while (!l->broken) {
		if (redisReaderGetReply(l->reader, &found) != REDIS_OK) {
			trouble(l, "not a Redis reply", 0);
			break;
		}
		if (found)
			return take_reply(l, found, reply);
		receive(l);
	}
	return -EHOSTDOWN;
}
