/* Opens and closes the stack. See layered.h. */
#include "stack/layered.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "registry.h"
#include "stack/move.h"
#include "stack/stack.h"
#include "stack/teller.h"
#include "stack/write_back.h"

static void on_durable_gone(void *self, struct key key)
{
	struct layered *c = self;

	c->events.gone(c->events.self, key);
}

/* What a volatile layer evicts is still in the durable ones. */
static void on_volatile_gone(void *self, struct key key)
{
	struct layered *c = self;

	if (c->durable_count == 0)
		c->events.gone(c->events.self, key);
}

static void order_layers(struct layered *c)
{
	size_t n = 0;

	for (size_t i = c->count; i-- > 0;)
		if (layer_is_durable(c->layers[i]))
			c->order[n++] = c->layers[i];
	for (size_t i = c->count; i-- > 0;)
		if (!layer_is_durable(c->layers[i]))
			c->order[n++] = c->layers[i];
	assert(n == c->count && n <= STACK_MAX);
	for (size_t i = 0; i < n; i++)
		assert(layer_is_durable(c->order[i]) == (i < c->durable_count));
}

/* write_around: sets pass the fastest layer by. Not if that would leave none that keeps them. */
static void bypass_fastest(struct layered *c)
{
	bool only_durable = layer_is_durable(c->layers[0]) && c->durable_count == 1;

	if (c->conf->write_strategy != WRITE_AROUND || c->count == 1)
		return;
	if (only_durable)
		log_warning(
			"write_around: layer \"%s\" is the fastest and the only durable one; it is "
			"written all the same",
			layer_name(c->layers[0]));
	else
		c->bypassed = c->layers[0];
}

/* Directories have to live somewhere: a hidden memory layer that never evicts. */
static int open_markers(struct layered *c, struct problem *problem)
{
	static const struct option_place place = { .owner = "directories" };
	const struct layer_events events = { .gone = on_volatile_gone, .self = c };
	struct layer_spec *spec = &c->markers_spec;

	if (c->durable_count > 0 && !stack_serves(c))
		return 0;
	spec->backend = backend_find("memory");
	spec->name = memcpy(c->markers_name, "(directories)", sizeof("(directories)"));
	spec->common = (struct layer_common){ .default_ttl_ms = -1, .max_ttl_ms = -1 };
	spec->conf = calloc(1, spec->backend->conf_size);
	if (!spec->conf || options_default(spec->backend->options, &place, spec->conf) < 0)
		return problem_set(problem, NULL, NULL, "out of memory");
	return layer_open(spec, c->time, &events, &c->markers, problem);
}

/*
 * A stack that can leave a layer behind: with one durable layer on this machine nothing happens
 * that it does not know of. What an earlier configuration left is looked after as well.
 */
static bool needs_state(const struct cache_conf *conf)
{
	size_t durable = 0;
	bool remote = false;

	for (size_t i = 0; i < conf->layer_count; i++) {
		durable += conf->layers[i].backend->durable;
		remote |= conf->layers[i].backend->remote;
	}
	bool later = conf->write_strategy == WRITE_BACK && conf->layer_count > 1;
	/* Its old entry is not to be seen again when the one layer has missed a set. */
	bool misses = conf->on_error == ON_ERROR_SERVE && durable > 0;
	return conf->state_dir &&
	       (durable > 1 || remote || later || misses || state_exists(conf->state_dir));
}

/* What earlier runs left. Only now all layers are there, the journal too. */
static int open_memory(struct layered *c, struct problem *problem)
{
	int rc = needs_state(c->conf) ? state_open(c->conf->state_dir, c->time, &c->state, problem)
				      : 0;

	if (rc == 0)
		rc = teller_remember(c, problem);
	if (rc == 0)
		rc = write_back_open(c, problem);
	if (rc == 0)
		order_layers(c);
	return rc;
}

/* It is told and drained. The threads find the stack complete. */
static int start(struct layered *c, struct problem *problem)
{
	move_finish(c);
	int rc = teller_start(c, problem); /* the drain has something for it */
	return rc < 0 ? rc : write_back_start(c, problem);
}

/* All that layered_close() takes to be there. */
static int init(struct layered *c, const struct cache_conf *conf, const struct time_source *time,
		const struct layered_events *events)
{
	c->conf = conf;
	c->time = time;
	c->forgets = true;
	c->events = *events;
	admission_init(&c->admission, time);
	foreign_init(&c->foreign);
	c->layers = calloc(conf->layer_count + 1, sizeof(struct layer *)); /* and the journal */
	c->order = calloc(conf->layer_count + 1, sizeof(struct layer *));
	if (!c->layers || !c->order)
		return -ENOMEM;
	return conf->promotion == PROMOTION_FREQUENCY_BASED
		       ? key_numbers_init(&c->gets, STACK_KEYS_COUNTED)
		       : 0;
}

static int open_layers(struct layered *c, struct problem *problem)
{
	const struct cache_conf *conf = c->conf;

	/* Known before the first layer can report anything. */
	for (size_t i = 0; i < conf->layer_count; i++) {
		c->durable_count += conf->layers[i].backend->durable;
		c->forgets = c->forgets && conf->layers[i].backend->forgets;
		assert(i == 0 || conf->layers[i - 1].priority <= conf->layers[i].priority);
	}
	for (size_t i = 0; i < conf->layer_count; i++) {
		const struct layer_spec *spec = &conf->layers[i];
		const struct layer_events own = { spec->backend->durable ? on_durable_gone
									 : on_volatile_gone,
						  stack_changed, c };
		int rc = layer_open(spec, c->time, &own, &c->layers[i], problem);
		if (rc < 0)
			return rc;
		c->shared = c->shared || layer_is_shared(c->layers[i]);
		c->count++;
	}
	bypass_fastest(c);
	return 0;
}

int layered_open(const struct cache_conf *conf, const struct time_source *time,
		 const struct layered_events *events, struct layered **cache,
		 struct problem *problem)
{
	struct layered *c = calloc(1, sizeof(*c));

	assert(conf->layer_count > 0 && conf->layer_count < STACK_MAX);
	if (!c)
		return problem_set(problem, NULL, NULL, "out of memory");
	int rc = init(c, conf, time, events) < 0 ? problem_set(problem, NULL, NULL, "out of memory")
						 : open_layers(c, problem);
	if (rc == 0)
		rc = open_memory(c, problem);
	if (rc == 0)
		rc = open_markers(c, problem);
	if (rc == 0)
		rc = start(c, problem);
	if (rc < 0) {
		layered_close(c);
		return rc;
	}
	atomic_store(&c->ready, true);
	*cache = c;
	return 0;
}

/* Durable layers first: until they are closed they tell the others what has changed. */
static void close_layers(struct layered *c)
{
	struct layer *others[STACK_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (layer_is_durable(c->layers[i]))
			layer_close(c->layers[i]);
		else
			others[n++] = c->layers[i];
	}
	while (n > 0)
		layer_close(others[--n]);
}

void layered_ending(struct layered *c)
{
	write_back_ending(c);
	for (size_t i = 0; i < c->count; i++)
		layer_ending(c->layers[i]);
}

void layered_look(struct layered *c)
{
	if (c->state)
		state_look(c->state);
}

void layered_close(struct layered *c)
{
	if (c->state)
		state_ending(c->state);
	write_back_stop(c);
	teller_stop(c);
	close_layers(c);
	if (c->markers)
		layer_close(c->markers);
	write_back_close(c);
	if (c->state)
		state_close(c->state);
	if (c->markers_spec.conf)
		options_fini(c->markers_spec.backend->options, c->markers_spec.conf);
	free(c->markers_spec.conf);
	admission_fini(&c->admission);
	foreign_fini(&c->foreign);
	key_numbers_fini(&c->gets);
	free(c->layers);
	free(c->order);
	free(c);
}
