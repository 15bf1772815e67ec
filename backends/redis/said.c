/* Messages about one server, each logged once. See redis/said.h. */
#include "redis/said.h"

#include "base/log.h"

static int shown_size(struct key key)
{
	return (int)(key.size < 256 ? key.size : 256);
}

/* A bit of a text's hash remembers it. */
void redis_objection(struct redis_said *said, const char *text)
{
	uint64_t bit = UINT64_C(1) << key_hash(key_of(text)) % 64;

	if (!(atomic_fetch_or(&said->objections, bit) & bit))
		log_error("redis: layer \"%s\": %s answers: %.200s", said->layer_name, said->place,
			  text);
}

void redis_damaged(struct redis_said *said, struct key key, const char *what)
{
	uint64_t hash = key_hash(key);

	if (atomic_exchange(&said->damaged, hash) != hash)
		log_error("redis: layer \"%s\": %s of \"%.*s\"", said->layer_name, what,
			  shown_size(key), key.bytes);
}

void redis_refusal(struct redis_said *said, const char *text)
{
	if (!atomic_exchange(&said->refuses_writes, true))
		log_warning("redis: layer \"%s\" takes no sets (%s: %.100s)", said->layer_name,
			    said->place, text);
}

void redis_acceptance(struct redis_said *said)
{
	if (atomic_load(&said->refuses_writes) && atomic_exchange(&said->refuses_writes, false))
		log_info("redis: layer \"%s\" takes sets again", said->layer_name);
}

void redis_came_back(struct redis_said *said, unsigned life, struct key key)
{
	if (atomic_exchange(&said->life, life) != life)
		log_warning("redis: layer \"%s\": %s came back without changes that it had taken; "
			    "what it holds of before them is dropped (\"%.*s\" is the first)",
			    said->layer_name, said->place, shown_size(key), key.bytes);
}
