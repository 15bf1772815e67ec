/* Layers from JSON, in all the shapes they come in: see config_shape.h. */
#include "config_shape.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../backends/log.h"

#define PRIORITY_MAX 1e6

enum { LAYER_NAME_MAX = 64, LAYERS_MAX = 64, TYPES_MAX = 32, PATH_SIZE = 200 };

/* default_ttl_s as long as no object has said what it is: then it is the type's. */
enum { TTL_NOT_GIVEN = -2 };

/* One layer as written, before it becomes a layer_spec. */
struct layer_draft {
	struct layer_spec spec;
	double priority;
	bool named; /* by the user */
};

/* What the whole list is written with. */
struct stack_conf {
	int promotion;      /* index in promotions[] */
	int write_strategy; /* index in write_strategies[] */
	uint64_t promotion_threshold;
	bool promote_on_hit;
};

static const char *const promotions[] = { "always", "never", "frequency_based", NULL };
static const char *const write_strategies[] = { "write_through", "write_back", "write_around",
						NULL };

/* Members of a layer object beside its common options. */
const struct option_spec config_layer_members[] = {
	{ .name = "type",
	  .type = OPT_NESTED,
	  .def = "\"memory\"",
	  .values = "a type",
	  .doc = "the backend" },
	{ .name = "name",
	  .type = OPT_NESTED,
	  .values = "a string of 1 to 64 characters",
	  .doc = "how the layer is called; without it as its type" },
	{ .name = "priority",
	  .type = OPT_NESTED,
	  .values = "a whole number",
	  .doc = "lower is asked first; without it the place in the list" },
	{ .name = "options",
	  .type = OPT_NESTED,
	  .def = "{}",
	  .values = "an object",
	  .doc = "the options of the type, and those of every layer" },
	{ 0 },
};

const struct option_spec config_pair_members[] = {
	{ .name = "memory",
	  .type = OPT_NESTED,
	  .def = "{}",
	  .values = "an object",
	  .doc = "options of the fast layer" },
	{ .name = "disk",
	  .type = OPT_NESTED,
	  .def = "{}",
	  .values = "an object",
	  .doc = "options of the durable layer" },
	{ .name = "promote_on_hit",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct stack_conf, promote_on_hit),
	  .def = "true",
	  .doc = "copy what was found on disk to memory" },
	{ 0 },
};

const struct option_spec config_stack_members[] = {
	{ .name = "layers",
	  .type = OPT_NESTED,
	  .values = "an array of 1 to 64 layers",
	  .doc = "the layers, fastest first" },
	{ .name = "promotion_strategy",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct stack_conf, promotion),
	  .def = "\"always\"",
	  .choices = promotions,
	  .doc = "when an entry is copied to faster layers" },
	{ .name = "promotion_threshold",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct stack_conf, promotion_threshold),
	  .def = "2",
	  .min = 1,
	  .doc = "gets of a key before it is promoted (frequency_based)" },
	{ .name = "write_strategy",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct stack_conf, write_strategy),
	  .def = "\"write_through\"",
	  .choices = write_strategies,
	  .doc = "which layers a set goes to" },
	{ 0 },
};

/* A type whose options hold layers. */
static const struct option_spec typed_members[] = {
	{ .name = "type", .type = OPT_NESTED, .doc = "layered or flexible_layered" },
	{ .name = "options", .type = OPT_NESTED, .doc = "what the shape itself consists of" },
	{ 0 },
};

/* Known at the top of a configuration only; it has been read, so this is for suggestions. */
static const struct option_spec top_members[] = {
	{ .name = "cachefs", .type = OPT_NESTED, .doc = "the daemon's own settings" },
	{ 0 },
};
static const struct option_spec no_members[] = { { 0 } };

/* An object of the configuration that is being read. */
struct part {
	const struct config_reader *reader;
	const cJSON *json;
	const cJSON *nearest; /* json, or what is around it if it is not written */
	char path[PATH_SIZE];
	bool top;
	struct layer_common common; /* what the objects around it say */
};

/* Where the part stands; owner is what problems call it. */
static struct option_place part_place(const struct part *part, const char *owner)
{
	return (struct option_place){
		.file = part->reader->file,
		.path = part->path,
		.base_dir = part->reader->base_dir,
		.owner = owner,
		.lines = true,
	};
}

static int out_of_memory(const struct config_reader *reader)
{
	return problems_add(reader->problems, NULL, NULL, "out of memory");
}

/* A problem of a member of the part, which may be absent; of the part itself if name is NULL. */
__attribute__((format(printf, 4, 5))) static int part_problem(const struct part *part,
							      const char *name, const char *hint,
							      const char *message, ...)
{
	const struct option_place place = part_place(part, NULL);
	const cJSON *json = name ? cJSON_GetObjectItemCaseSensitive(part->json, name) : NULL;
	char where[sizeof(((struct problem *)0)->place)];
	char text[sizeof(((struct problem *)0)->message)];
	va_list args;

	va_start(args, message);
	vsnprintf(text, sizeof(text), message, args);
	va_end(args);
	option_place_text(&place, name, json ? json : part->nearest, where, sizeof(where));
	return problems_add(part->reader->problems, where, hint, "%s", text);
}

static const cJSON *member_of(const struct part *part, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(part->json, name);
}

/* A part below this one; json NULL: as if an empty object stood there. */
static struct part part_enter(const struct part *part, const char *name, const cJSON *json)
{
	static const cJSON empty = { .type = cJSON_Object };
	struct part below = { .reader = part->reader,
			      .json = json ? json : &empty,
			      .nearest = json ? json : part->nearest,
			      .common = part->common };

	if (snprintf(below.path, sizeof(below.path), "%s.%s", part->path, name) >= PATH_SIZE)
		snprintf(below.path, sizeof(below.path), "$"); /* nobody nests so deep */
	return below;
}

static int part_parse(const struct part *part, const struct option_set sets[], const char *owner)
{
	const struct option_place place = part_place(part, owner);

	return options_parse(sets, part->json, &place, part->reader->problems);
}

/* Options of the shape around the layers: its own table, the common ones, and what stands at the
 * top. */
static int part_parse_shape(struct part *part, const struct option_spec *specs, void *conf,
			    const char *owner)
{
	const struct option_set sets[] = {
		{ specs, conf, NULL },
		{ layer_common_options, &part->common, NULL },
		{ part->top ? top_members : no_members, NULL, NULL },
		{ 0 },
	};

	return part_parse(part, sets, owner);
}

static int part_string(const struct part *part, const char *name, const char **text)
{
	const cJSON *json = member_of(part, name);

	if (!json)
		return 0;
	if (!cJSON_IsString(json))
		return part_problem(part, name, NULL, "expected a string");
	*text = json->valuestring;
	return 0;
}

static int unknown_type(const struct part *part, const char *type)
{
	const char *names[TYPES_MAX + 3];
	char hint[256], list[200] = "";
	size_t count = 0;

	while (count < TYPES_MAX && backend_at(count)) {
		names[count] = backend_at(count)->type;
		count++;
	}
	if (part->top) {
		names[count++] = "layered";
		names[count++] = "flexible_layered";
	}
	names[count] = NULL;
	for (size_t i = 0; i < count; i++) {
		strncat(list, i > 0 ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, names[i], sizeof(list) - strlen(list) - 1);
	}
	const char *nearest = problem_nearest(type, names);
	snprintf(hint, sizeof(hint),
		 nearest ? "did you mean \"%s\"? known types: %s" : "%sknown types: %s",
		 nearest ? nearest : "", list);
	return part_problem(part, "type", hint, "unknown type \"%.64s\"", type);
}

/* What stands beside the options: the members of a layer and the common options. */
static int layer_read_members(struct part *layer, const struct backend *backend)
{
	const struct option_set sets[] = {
		{ config_layer_members, NULL, NULL },
		{ layer_common_options, &layer->common, NULL },
		{ layer->top ? top_members : no_members, NULL, NULL },
		{ backend ? backend->options : no_members, NULL, "write it into \"options\"" },
		{ 0 },
	};
	int rc = part_parse(layer, sets, "a layer");
	const cJSON *json, *options = member_of(layer, "options");

	cJSON_ArrayForEach(json, options)
	{
		for (const struct option_spec *s = layer_common_options; json->string && s->name;
		     s++)
			if (strcmp(s->name, json->string) == 0 && member_of(layer, s->name))
				rc = part_problem(layer, s->name, "remove one of them",
						  "also given in \"options\"");
	}
	return rc;
}

/* What the options name and must exist. */
static int layer_check(const struct part *options, const struct layer_spec *spec)
{
	struct problem problem = { 0 };

	if (!spec->backend->check || spec->backend->check(spec->conf, &problem) == 0)
		return 0;
	return part_problem(options, problem.place[0] ? problem.place : NULL, problem.hint, "%s",
			    problem.message);
}

/* The backend's options and the common ones, from the object "options". */
static int layer_read_options(struct part *options, const struct backend *backend,
			      struct layer_spec *spec)
{
	const struct option_place place = part_place(options, backend->type);
	char owner[80];

	spec->backend = backend;
	spec->conf = calloc(1, backend->conf_size ? backend->conf_size : 1);
	if (!spec->conf || options_default(backend->options, &place, spec->conf) < 0)
		return out_of_memory(options->reader);
	const struct option_set sets[] = {
		{ backend->options, spec->conf, NULL },
		{ layer_common_options, &options->common, NULL },
		{ 0 },
	};
	snprintf(owner, sizeof(owner), "type \"%s\"", backend->type);
	int rc = part_parse(options, sets, owner);
	spec->common = options->common;
	if (spec->common.default_ttl_ms == TTL_NOT_GIVEN)
		spec->common.default_ttl_ms = backend->default_ttl_ms > 0 ? backend->default_ttl_ms
									  : -1;
	return rc < 0 ? rc : layer_check(options, spec);
}

/* A layer's name is a directory below .cachefs/layers and a word in lists. */
static int check_name(const struct part *layer, const char *name)
{
	bool bad = !name[0] || strlen(name) > LAYER_NAME_MAX || name[0] == '.';

	for (const char *c = name; *c; c++)
		bad = bad || (unsigned char)*c <= ' ' || *c == 0x7f || *c == '/' || *c == ',';
	if (!bad)
		return 0;
	return part_problem(
		layer, "name",
		"use 1 to 64 characters without space, comma or /, not starting with a dot",
		"not a name for a layer");
}

static int layer_read_priority(const struct part *layer, double *priority)
{
	const cJSON *json = member_of(layer, "priority");

	if (!json)
		return 0;
	if (!cJSON_IsNumber(json) || json->valuedouble != floor(json->valuedouble))
		return part_problem(layer, "priority", NULL, "expected a whole number");
	if (fabs(json->valuedouble) > PRIORITY_MAX)
		return part_problem(layer, "priority", NULL,
				    "out of range: from -1000000 to 1000000");
	*priority = json->valuedouble;
	return 0;
}

static int layer_find_backend(const struct part *layer, const struct backend **backend)
{
	const char *type = "memory";
	int rc = part_string(layer, "type", &type);

	if (rc < 0)
		return rc;
	*backend = backend_find(type);
	return *backend ? 0 : unknown_type(layer, type);
}

/* One layer object: {"type", "name", "priority", "options"} and the common options. */
static int layer_read(struct part *layer, struct layer_draft *draft)
{
	const struct backend *backend = NULL;
	const char *name = NULL;

	if (!cJSON_IsObject(layer->json))
		return layer_read_members(layer, NULL);
	int rc = layer_find_backend(layer, &backend);
	rc |= layer_read_members(layer, backend);
	rc |= part_string(layer, "name", &name);
	if (name)
		rc |= check_name(layer, name);
	rc |= layer_read_priority(layer, &draft->priority);
	if (!backend)
		return -EINVAL;
	draft->named = name != NULL;
	draft->spec.name = strdup(name ? name : backend->type);
	if (!draft->spec.name)
		return out_of_memory(layer->reader);
	struct part options = part_enter(layer, "options", member_of(layer, "options"));
	rc |= layer_read_options(&options, backend, &draft->spec);
	return rc ? -EINVAL : 0;
}

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

/* A name given twice gets a number, the first one keeps it; so does one that is not to be had. */
static int drafts_make_unique(const struct config_reader *reader, struct layer_draft drafts[],
			      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *name = drafts[i].spec.name, fresh[LAYER_NAME_MAX + 24];
		bool reserved = name_is_reserved(name);

		if (!reserved && !name_is_taken(drafts, i, name))
			continue;
		for (size_t n = 2; n < count + 2; n++) {
			snprintf(fresh, sizeof(fresh), "%s%zu", name, n);
			if (!name_is_taken(drafts, count, fresh))
				break;
		}
		if (reserved)
			log_warning("%s: \"%s\" is the write-back journal's name; the layer is "
				    "called \"%s\"",
				    reader->file, name, fresh);
		else if (drafts[i].named)
			log_warning(
				"%s: two layers are named \"%s\"; the later one is called \"%s\"",
				reader->file, name, fresh);
		drafts[i].spec.name = strdup(fresh);
		free(name);
		if (!drafts[i].spec.name)
			return out_of_memory(reader);
	}
	return 0;
}

/* By priority; equal ones keep their order. */
static void drafts_sort(struct layer_draft drafts[], size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct layer_draft draft = drafts[i];
		size_t at = i;

		for (; at > 0 && drafts[at - 1].priority > draft.priority; at--)
			drafts[at] = drafts[at - 1];
		drafts[at] = draft;
	}
}

static void layer_spec_fini(struct layer_spec *spec)
{
	if (spec->conf)
		options_fini(spec->backend->options, spec->conf);
	free(spec->conf);
	free(spec->name);
}

/* The drafts become the cache's layers; they are used up, also after a failure. */
static int drafts_finish(const struct config_reader *reader, struct layer_draft drafts[],
			 size_t count, struct cache_conf *cache)
{
	int rc = drafts_make_unique(reader, drafts, count);

	if (rc == 0) {
		drafts_sort(drafts, count);
		cache->layers = calloc(count, sizeof(*cache->layers));
		if (!cache->layers)
			rc = out_of_memory(reader);
	}
	if (rc < 0) {
		for (size_t i = 0; i < count; i++)
			layer_spec_fini(&drafts[i].spec);
		return rc;
	}
	for (size_t i = 0; i < count; i++)
		cache->layers[i] = drafts[i].spec;
	cache->layer_count = count;
	return 0;
}

/* From the tables, for shapes that do not speak of the stack too. */
static int stack_default(const struct part *part, struct stack_conf *conf)
{
	const struct option_place place = part_place(part, "a list of layers");

	*conf = (struct stack_conf){ 0 };
	if (options_default(config_stack_members, &place, conf) < 0 ||
	    options_default(config_pair_members, &place, conf) < 0)
		return out_of_memory(part->reader);
	return 0;
}

static void stack_apply(const struct stack_conf *conf, struct cache_conf *cache)
{
	cache->promotion = (enum promotion)conf->promotion;
	cache->promotion_threshold = conf->promotion_threshold;
	cache->write_strategy = (enum write_strategy)conf->write_strategy;
}

static int read_single(struct part *part, struct cache_conf *cache)
{
	struct layer_draft draft = { 0 };
	struct stack_conf conf;
	int rc = stack_default(part, &conf);

	rc |= layer_read(part, &draft);
	if (rc) {
		layer_spec_fini(&draft.spec);
		return -EINVAL;
	}
	stack_apply(&conf, cache);
	return drafts_finish(part->reader, &draft, 1, cache);
}

static int read_pair(struct part *part, struct cache_conf *cache)
{
	static const char *const types[] = { "memory", "disk" };
	struct stack_conf conf;
	struct layer_draft drafts[2] = { 0 };

	int rc = stack_default(part, &conf);
	rc |= part_parse_shape(part, config_pair_members, &conf, "the two-layer form");
	for (size_t i = 0; i < 2; i++) {
		const struct backend *backend = backend_find(types[i]);
		struct part options = part_enter(part, types[i], member_of(part, types[i]));

		assert(backend);
		drafts[i].priority = (double)i;
		drafts[i].spec.name = strdup(types[i]);
		rc |= drafts[i].spec.name ? layer_read_options(&options, backend, &drafts[i].spec)
					  : out_of_memory(part->reader);
	}
	if (rc) {
		layer_spec_fini(&drafts[0].spec);
		layer_spec_fini(&drafts[1].spec);
		return -EINVAL;
	}
	conf.promotion = conf.promote_on_hit ? PROMOTION_ALWAYS : PROMOTION_NEVER;
	stack_apply(&conf, cache);
	return drafts_finish(part->reader, drafts, 2, cache);
}

static int read_layers(const struct part *part, const cJSON *array, struct cache_conf *cache)
{
	size_t count = (size_t)cJSON_GetArraySize(array), done = 0;
	struct layer_draft *drafts = calloc(count, sizeof(*drafts));
	const cJSON *json;
	char name[40];
	int rc = 0;

	if (!drafts)
		return out_of_memory(part->reader);
	cJSON_ArrayForEach(json, array)
	{
		snprintf(name, sizeof(name), "layers[%zu]", done);
		struct part layer = part_enter(part, name, json);

		drafts[done].priority = (double)done;
		rc |= layer_read(&layer, &drafts[done++]);
	}
	if (rc == 0)
		rc = drafts_finish(part->reader, drafts, count, cache);
	else
		while (done > 0)
			layer_spec_fini(&drafts[--done].spec);
	free(drafts);
	return rc ? -EINVAL : 0;
}

static int read_stack(struct part *part, struct cache_conf *cache)
{
	struct stack_conf conf;

	int rc = stack_default(part, &conf);
	rc |= part_parse_shape(part, config_stack_members, &conf, "a list of layers");
	if (!cJSON_IsObject(part->json))
		return -EINVAL;
	const cJSON *array = member_of(part, "layers");
	if (!cJSON_IsArray(array) || !array->child)
		return part_problem(part, "layers",
				    "for example [{\"type\": \"memory\"}, {\"type\": \"disk\"}]",
				    "expected an array with at least one layer");
	if (cJSON_GetArraySize(array) > LAYERS_MAX)
		return part_problem(part, "layers", NULL, "%d layers are too many: at most %d",
				    cJSON_GetArraySize(array), LAYERS_MAX);
	stack_apply(&conf, cache);
	rc |= read_layers(part, array, cache);
	return rc ? -EINVAL : 0;
}

/* {"type": "layered" or "flexible_layered", "options": {what the shape consists of}} */
static int read_typed(struct part *part, int (*read)(struct part *part, struct cache_conf *cache),
		      struct cache_conf *cache)
{
	int rc = part_parse_shape(part, typed_members, NULL, "a layered cache");
	struct part options = part_enter(part, "options", member_of(part, "options"));

	rc |= read(&options, cache);
	return rc ? -EINVAL : 0;
}

/* Nothing tells the shape: most likely its name is misspelt. */
static int no_shape(const struct part *part)
{
	struct stack_conf stack = { 0 };
	struct layer_common common = { 0 };
	const struct option_set sets[] = {
		{ config_layer_members, NULL, NULL },
		{ config_pair_members, &stack, NULL },
		{ config_stack_members, &stack, NULL },
		{ layer_common_options, &common, NULL },
		{ top_members, NULL, NULL },
		{ 0 },
	};

	if (part_parse(part, sets, "the configuration") < 0)
		return -EINVAL;
	return part_problem(part, NULL, "write \"type\", \"memory\" and \"disk\", or \"layers\"",
			    "no layers are configured");
}

static bool has(const cJSON *root, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(root, name) != NULL;
}

int config_shape_read(const struct config_reader *reader, const cJSON *root,
		      struct cache_conf *cache)
{
	struct part part = {
		.reader = reader, .json = root, .nearest = root, .path = "$", .top = true
	};
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(root, "type");
	const struct option_place place = part_place(&part, "a layer");

	if (options_default(layer_common_options, &place, &part.common) < 0)
		return out_of_memory(reader);
	part.common.default_ttl_ms = TTL_NOT_GIVEN;
	if (cJSON_IsString(type) && strcmp(type->valuestring, "layered") == 0)
		return read_typed(&part, read_pair, cache);
	if (cJSON_IsString(type) && strcmp(type->valuestring, "flexible_layered") == 0)
		return read_typed(&part, read_stack, cache);
	if (type || has(root, "options"))
		return read_single(&part, cache);
	if (has(root, "memory") || has(root, "disk") || has(root, "promote_on_hit"))
		return read_pair(&part, cache);
	if (has(root, "layers"))
		return read_stack(&part, cache);
	return no_shape(&part);
}

void config_shape_fini(struct cache_conf *cache)
{
	for (size_t i = 0; i < cache->layer_count; i++)
		layer_spec_fini(&cache->layers[i]);
	free(cache->layers);
	memset(cache, 0, sizeof(*cache));
}

static bool add_options(const struct option_spec *specs, const void *conf, cJSON *object)
{
	for (; specs->name; specs++) {
		cJSON *json = option_to_json(specs, conf);

		if (!json || !cJSON_AddItemToObject(object, specs->name, json))
			return false;
	}
	return true;
}

static bool layer_to_json(const struct layer_spec *spec, size_t priority, cJSON *layers)
{
	cJSON *layer = cJSON_CreateObject();

	if (!cJSON_AddItemToArray(layers, layer))
		return false;
	if (!cJSON_AddStringToObject(layer, "type", spec->backend->type) ||
	    !cJSON_AddStringToObject(layer, "name", spec->name) ||
	    !cJSON_AddNumberToObject(layer, "priority", (double)priority))
		return false;
	cJSON *options = cJSON_AddObjectToObject(layer, "options");
	return options && add_options(spec->backend->options, spec->conf, options) &&
	       add_options(layer_common_options, &spec->common, options);
}

bool config_shape_to_json(const struct cache_conf *cache, cJSON *root)
{
	cJSON *layers = cJSON_AddArrayToObject(root, "layers");

	if (!layers)
		return false;
	for (size_t i = 0; i < cache->layer_count; i++)
		if (!layer_to_json(&cache->layers[i], i, layers))
			return false;
	return cJSON_AddStringToObject(root, "promotion_strategy", promotions[cache->promotion]) &&
	       cJSON_AddStringToObject(root, "write_strategy",
				       write_strategies[cache->write_strategy]) &&
	       cJSON_AddNumberToObject(root, "promotion_threshold",
				       (double)cache->promotion_threshold);
}
