/* The first commands of a connection. See redis/greeting.h. */
#include "redis/greeting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failed(struct redis_link *link, const char *command)
{
	snprintf(link->trouble, sizeof(link->trouble), "%s: not what a Redis server answers",
		 command);
	link->broken = true;
	return -EHOSTDOWN;
}

/* One command of the greeting, answered by an error or not; needed says that it must not. */
static int receive(struct redis *r, struct redis_link *link, const char *command, bool needed,
		   long long *number)
{
	redisReply *reply;
	int rc = redis_link_reply(link, &reply);

	if (rc < 0)
		return rc;
	if (reply->type == REDIS_REPLY_ERROR && needed) {
		snprintf(link->trouble, sizeof(link->trouble), "%s: %s", command, reply->str);
		rc = -EHOSTDOWN;
	}
	if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0)
		redis_objection(&r->said, reply->str);
	if (reply->type == REDIS_REPLY_INTEGER && number)
		*number = reply->integer;
	else if (reply->type != REDIS_REPLY_ERROR && (number || reply->type != REDIS_REPLY_STATUS))
		rc = failed(link, command);
	freeReplyObject(reply);
	return rc;
}

/* Everything but INFO in one packet. */
static void gather_all(const struct redis_conf *conf, struct redis_link *link, const char *secret)
{
	char db[24];

	snprintf(db, sizeof(db), "%llu", (unsigned long long)conf->db);
	if (secret && conf->username)
		REDIS_LINK_COMMAND(link, redis_word("AUTH"), redis_word(conf->username),
				   redis_word(secret));
	else if (secret)
		REDIS_LINK_COMMAND(link, redis_word("AUTH"), redis_word(secret));
	REDIS_LINK_COMMAND(link, redis_word("SELECT"), redis_word(db));
	REDIS_LINK_COMMAND(link, redis_word("CLIENT"), redis_word("ID"));
	/* A look is no use of a value; what is one says TOUCH. Servers before 7.2 don't know it. */
	REDIS_LINK_COMMAND(link, redis_word("CLIENT"), redis_word("NO-TOUCH"), redis_word("ON"));
	REDIS_LINK_COMMAND(link, redis_word("PING"));
}

int redis_greet(struct redis *r, struct redis_link *link, char *run_id)
{
	char *secret = redis_secret_copy(&r->secret);
	int rc = 0;

	gather_all(r->conf, link, secret);
	if (secret) {
		rc = receive(r, link, "AUTH", true, NULL);
		redis_link_wipe(link);
		redis_secret_free(secret);
	}
	if (rc == 0)
		rc = receive(r, link, "SELECT", true, NULL);
	if (rc == 0)
		rc = receive(r, link, "CLIENT ID", false, &link->owner_id);
	if (rc == 0)
		rc = receive(r, link, "CLIENT NO-TOUCH", false, NULL);
	if (rc == 0)
		rc = receive(r, link, "PING", true, NULL);
	if (rc == 0)
		rc = redis_info_read(&r->server, link, run_id);
	return rc == -EIO ? failed(link, "greeting") : rc;
}
