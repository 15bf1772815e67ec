/* See drafts.h. */
#include "config/drafts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/stores.h"

static bool name_is_taken(const struct layer_draft drafts[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(drafts[i].spec.name, name) == 0)
			return true;
	return false;
}

/* The write-back journal's, in the stack and in the state. */
static bool name_is_reserved(const char *name)
{
	return strcmp(name, "journal") == 0;
}

/* name + the first number that makes it unique; malloc'ed, or NULL: out of memory. */
static char *fresh_name(const struct layer_draft drafts[], size_t count, const char *name)
{
	for (size_t n = 2;; n++) {
		char *fresh = NULL;

		if (asprintf(&fresh, "%s%zu", name, n) < 0)
			return NULL;
		if (!name_is_taken(drafts, count, fresh))
			return fresh;
		free(fresh);
	}
}

/* A name given twice gets a number, the first one keeps it; so does one that is not to be had. */
static int drafts_make_unique(const struct config_reader *reader, struct layer_draft drafts[],
			      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *name = drafts[i].spec.name;
		bool reserved = name_is_reserved(name);

		if (!reserved && !name_is_taken(drafts, i, name))
			continue;
		char *fresh = fresh_name(drafts, count, name);
		if (!fresh)
			return config_out_of_memory(reader);
		if (reserved)
			log_warning("%s: \"%s\" is the write-back journal's name; the layer is "
				    "called \"%s\"",
				    reader->file, name, fresh);
		else if (drafts[i].named)
			log_warning(
				"%s: two layers are named \"%s\"; the later one is called \"%s\"",
				reader->file, name, fresh);
		drafts[i].spec.name = fresh;
		free(name);
	}
	return 0;
}

/* By priority; equal ones keep their order. */
static void drafts_sort(struct layer_draft drafts[], size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct layer_draft draft = drafts[i];
		size_t at = i;

		for (; at > 0 && drafts[at - 1].spec.priority > draft.spec.priority; at--)
			drafts[at] = drafts[at - 1];
		drafts[at] = draft;
	}
}

int drafts_finish(const struct config_reader *reader, struct layer_draft drafts[], size_t count,
		  struct cache_conf *cache)
{
	assert(count > 0 && cache->layer_count == 0);
	int rc = config_stores_check(drafts, count);

	if (rc == 0)
		rc = drafts_make_unique(reader, drafts, count);
	if (rc == 0) {
		drafts_sort(drafts, count);
		cache->layers = calloc(count, sizeof(*cache->layers));
		if (!cache->layers)
			rc = config_out_of_memory(reader);
	}
	if (rc < 0) {
		for (size_t i = 0; i < count; i++)
			config_layer_fini(&drafts[i].spec);
		return rc;
	}
	for (size_t i = 0; i < count; i++) {
		assert(i == 0 || drafts[i - 1].spec.priority <= drafts[i].spec.priority);
		assert(!name_is_taken(drafts, i, drafts[i].spec.name));
		cache->layers[i] = drafts[i].spec;
	}
	cache->layer_count = count;
	return 0;
}
