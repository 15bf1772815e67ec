/*
 * What comes over a connection to a Redis server: replies, or the end of the connection; never more
 * of them than were asked for, nor more elements in one than it may have.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "redis/link.h"
#include "base/time_source.h"
#include "fuzz.h"

enum { ASKED = 4, PATIENCE_MS = 60000 };

static const char *const words[] = { "*",
				     "$",
				     ":",
				     "+",
				     "-",
				     "\r\n",
				     "*2147483647\r\n",
				     "*-1\r\n",
				     "$-1\r\n",
				     "$-2\r\n",
				     "$99999999999\r\n",
				     "*1\r\n*1\r\n*1\r\n",
				     ":9223372036854775808\r\n",
				     "+OK\r\n",
				     "+QUEUED\r\n",
				     "*65535\r\n",
				     "*65537\r\n",
				     NULL };

static const struct fuzz_seed seeds[] = {
	FUZZ_TEXT("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$5\r\nvalue\r\n:-1\r\n"),
	FUZZ_TEXT("*2\r\n$3\r\nabc\r\n$-1\r\n:12\r\n-ERR no\r\n*0\r\n"),
	FUZZ_TEXT("$10\r\n0123456789\r\n*1\r\n*2\r\n:1\r\n*0\r\n+PONG\r\n:0\r\n"),
	{ NULL, 0 },
};

static int listener;
static struct redis_address address;
static const atomic_int_fast64_t not_ending;

static size_t elements_of(const redisReply *reply)
{
	size_t count = 0;

	if (reply->type != REDIS_REPLY_ARRAY)
		return 0;
	for (size_t i = 0; i < reply->elements; i++)
		count += 1 + elements_of(reply->element[i]);
	return count;
}

static void receive_all(struct redis_link *link)
{
	redisReply *reply;
	int rc = 0, replies = 0;

	while (rc == 0 && replies < ASKED) {
		rc = redis_link_reply(link, &reply);
		assert((rc == 0) == (reply != NULL));
		if (rc < 0)
			break;
		replies++;
		assert(elements_of(reply) <= LINK_REPLY_ELEMENTS);
		freeReplyObject(reply);
	}
	assert(rc == 0 || rc == -EHOSTDOWN || (rc == -EIO && link->odd && replies == ASKED - 1));
	assert(rc == 0 || !redis_link_is_even(link));
}

static void run(const uint8_t *bytes, size_t size)
{
	struct redis_link *link = calloc(1, sizeof(*link));

	assert(link);
	int rc = redis_link_open(link, &address, &time_system, &not_ending,
				 time_mono_ms(&time_system), PATIENCE_MS);
	assert(rc == 0);
	int server = accept(listener, NULL, NULL);
	assert(server >= 0);
	for (int i = 0; i < ASKED; i++) {
		redis_link_begin(link, 1);
		redis_link_add(link, (struct redis_arg){ { key_of("PING") } });
	}
	ssize_t sent = send(server, bytes, size, MSG_NOSIGNAL);
	assert(sent == (ssize_t)size);
	shutdown(server, SHUT_WR);
	receive_all(link);
	redis_link_free(link);
	close(server);
}

int main(void)
{
	static const struct fuzz_target target = { "redis_reply", seeds, words, run };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(sa_family_t);

	/* Of the kernel's choice, which is no file. */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = bind(listener, (struct sockaddr *)&name, size);
	assert(listener >= 0 && rc == 0);
	size = sizeof(name);
	rc = getsockname(listener, (struct sockaddr *)&name, &size);
	assert(rc == 0);
	rc = listen(listener, 8);
	assert(rc == 0);
	memcpy(&address.bytes, &name, size);
	address.size = size;
	rc = fuzz_main(&target);
	close(listener);
	return rc;
}
