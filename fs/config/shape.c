/* Reads layers from JSON, in all their shapes: see config/shape.h. */
#include "config/shape.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/drafts.h"
#include "config/layer.h"
#include "registry.h"

enum { LAYERS_MAX = 64 };

/* What the whole list is written with. */
struct stack_conf {
	int promotion;      /* index in promotions[] */
	int write_strategy; /* index in write_strategies[] */
	int on_error;       /* index in on_errors[] */
	uint64_t promotion_threshold;
	bool promote_on_hit;
};

static const char *const promotions[] = { "always", "never", "frequency_based", NULL };
static const char *const write_strategies[] = { "write_through", "write_back", "write_around",
						NULL };
static const char *const on_errors[] = { "fail", "serve", NULL };

#define ON_ERROR_MEMBER                                                                            \
	{ .name = "on_error",                                                                      \
	  .type = OPT_ENUM,                                                                        \
	  .offset = offsetof(struct stack_conf, on_error),                                         \
	  .def = "\"fail\"",                                                                       \
	  .choices = on_errors,                                                                    \
	  .doc = "what a set does that no layer took which outlives the daemon: fail, or stay in " \
		 "the others" }

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
	ON_ERROR_MEMBER,
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
	ON_ERROR_MEMBER,
	{ 0 },
};

/* A type whose options hold layers. */
static const struct option_spec typed_members[] = {
	{ .name = "type", .type = OPT_NESTED, .doc = "layered or flexible_layered" },
	{ .name = "options", .type = OPT_NESTED, .doc = "what the shape itself consists of" },
	{ 0 },
};

/* Options of the shape around the layers: its own table, the common ones, and what stands at the
 * top. What is one of `inner` belongs into "options". */
static int part_parse_shape(struct part *part, const struct option_spec *specs, void *conf,
			    const struct option_spec *inner, const char *owner)
{
	const struct option_set sets[] = {
		{ specs, conf, NULL },
		{ layer_common_options, &part->common, NULL },
		{ config_ttl_member, part->reader->root, NULL },
		{ part->top ? config_top_names : config_no_members, NULL, NULL },
		{ inner, NULL, "write it into \"options\"" },
		{ 0 },
	};

	return part_parse(part, sets, owner);
}

/* From the tables, for shapes that do not speak of the stack too. */
static int stack_default(const struct part *part, struct stack_conf *conf)
{
	const struct option_place place = part_place(part, "a list of layers");

	*conf = (struct stack_conf){ 0 };
	if (options_default(config_stack_members, &place, conf) < 0 ||
	    options_default(config_pair_members, &place, conf) < 0)
		return config_out_of_memory(part->reader);
	return 0;
}

static void stack_apply(const struct stack_conf *conf, struct cache_conf *cache)
{
	cache->promotion = (enum promotion)conf->promotion;
	cache->promotion_threshold = conf->promotion_threshold;
	cache->write_strategy = (enum write_strategy)conf->write_strategy;
	cache->on_error = (enum on_error)conf->on_error;
}

/* The draft becomes the one layer, unless reading it has failed. */
static int only_draft(const struct part *part, struct layer_draft *draft,
		      const struct stack_conf *conf, struct cache_conf *cache, int rc)
{
	if (rc < 0) {
		config_layer_fini(&draft->spec);
		return -EINVAL;
	}
	stack_apply(conf, cache);
	return drafts_finish(part->reader, draft, 1, cache);
}

static int read_single(struct part *part, struct cache_conf *cache)
{
	struct layer_draft draft = { 0 };
	struct stack_conf conf;
	int rc = stack_default(part, &conf);

	rc |= config_layer_read(part, &draft);
	return only_draft(part, &draft, &conf, cache, rc);
}

static int read_pair(struct part *part, struct cache_conf *cache)
{
	static const char *const types[] = { "memory", "disk" };
	struct stack_conf conf;
	struct layer_draft drafts[2] = { 0 };

	int rc = stack_default(part, &conf);
	rc |= part_parse_shape(part, config_pair_members, &conf, config_no_members,
			       "the two-layer form");
	for (size_t i = 0; i < 2; i++) {
		const struct backend *backend = backend_find(types[i]);
		struct part options = part_enter(part, types[i], part_member(part, types[i]));

		assert(backend);
		drafts[i].spec.priority = (double)i;
		drafts[i].spec.name = strdup(types[i]);
		rc |= drafts[i].spec.name ? config_layer_options(&options, backend, &drafts[i])
					  : config_out_of_memory(part->reader);
	}
	if (rc) {
		config_layer_fini(&drafts[0].spec);
		config_layer_fini(&drafts[1].spec);
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
		return config_out_of_memory(part->reader);
	cJSON_ArrayForEach(json, array)
	{
		snprintf(name, sizeof(name), "layers[%zu]", done);
		struct part layer = part_enter(part, name, json);

		drafts[done].spec.priority = (double)done;
		rc |= config_layer_read(&layer, &drafts[done++]);
	}
	if (rc == 0)
		rc = drafts_finish(part->reader, drafts, count, cache);
	else
		while (done > 0)
			config_layer_fini(&drafts[--done].spec);
	free(drafts);
	return rc ? -EINVAL : 0;
}

static int read_stack(struct part *part, struct cache_conf *cache)
{
	struct stack_conf conf;

	int rc = stack_default(part, &conf);
	rc |= part_parse_shape(part, config_stack_members, &conf, config_no_members,
			       "a list of layers");
	if (!cJSON_IsObject(part->json))
		return -EINVAL;
	const cJSON *array = part_member(part, "layers");
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

/* {"type": "layered" or "flexible_layered", "options": {inner: what the shape consists of}} */
static int read_typed(struct part *part, const struct option_spec *inner,
		      int (*read)(struct part *part, struct cache_conf *cache),
		      struct cache_conf *cache)
{
	int rc = part_parse_shape(part, typed_members, NULL, inner, "a layered cache");
	struct part options = part_enter(part, "options", part_member(part, "options"));

	if (rc < 0 && !part_member(part, "options"))
		return -EINVAL; /* what is missing there stands here, and that was said */
	rc |= read(&options, cache);
	return rc ? -EINVAL : 0;
}

/* A layer without a word of its name and type. */
static int read_only_layer(struct part *options, const char *type, struct cache_conf *cache)
{
	struct layer_draft draft = { .spec = { .name = strdup(type) } };
	struct stack_conf conf;
	int rc = stack_default(options, &conf);

	rc |= draft.spec.name ? config_layer_options(options, backend_find(type), &draft)
			      : config_out_of_memory(options->reader);
	return only_draft(options, &draft, &conf, cache, rc);
}

/* "enabled": false of the package's core. */
static int read_nothing(const struct part *part, struct cache_conf *cache)
{
	struct part options = part_enter(part, "options", NULL);

	return read_only_layer(&options, "noop", cache);
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
		{ config_top_names, NULL, NULL },
		{ backend_find("memory")->options, NULL, "" },
		{ 0 },
	};

	if (part_parse(part, sets, "the configuration") < 0)
		return -EINVAL;
	return part_problem(part, NULL, "write \"type\", \"memory\" and \"disk\", or \"layers\"",
			    "no layers are configured");
}

/* Whether the object has a member of the table. */
static bool has_any(const cJSON *root, const struct option_spec *specs)
{
	for (; specs->name; specs++)
		if (cJSON_GetObjectItemCaseSensitive(root, specs->name))
			return true;
	return false;
}

static bool has(const cJSON *root, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(root, name) != NULL;
}

bool config_shape_is_silent(const cJSON *root)
{
	const cJSON *json;

	cJSON_ArrayForEach(json, root)
	{
		const struct option_spec *spec = layer_common_options;

		while (spec->name && strcmp(spec->name, json->string) != 0)
			spec++;
		if (!spec->name)
			return false;
	}
	return true;
}

/* The type of the whole, by the name of cachefs or by the package's. */
static const char *type_of(const struct part *part)
{
	const cJSON *json = part_member(part, has(part->json, "plugin") ? "plugin" : "type");

	return cJSON_IsString(json) ? config_type_of(json->valuestring) : "";
}

int config_shape_read(const struct config_reader *reader, const cJSON *root,
		      struct cache_conf *cache)
{
	struct part part = {
		.reader = reader, .json = root, .nearest = root, .path = "$", .top = true
	};
	const struct option_place place = part_place(&part, "a layer");
	const char *type = type_of(&part);

	if (options_default(layer_common_options, &place, &part.common) < 0)
		return config_out_of_memory(reader);
	part.common.default_ttl_ms = CONFIG_TTL_NOT_GIVEN;
	if (!reader->root->enabled)
		return read_nothing(&part, cache);
	if (has(root, "type") && has(root, "plugin"))
		return part_problem(&part, "plugin", "remove one of them",
				    "also given as \"type\"");
	if (strcmp(type, CONFIG_PAIR) == 0)
		return read_typed(&part, config_pair_members, read_pair, cache);
	if (strcmp(type, CONFIG_FLEXIBLE) == 0)
		return read_typed(&part, config_stack_members, read_stack, cache);
	if (has(root, "type") || has(root, "plugin") || has(root, "options"))
		return read_single(&part, cache);
	if (has(root, "memory") || has(root, "disk") || has(root, "promote_on_hit"))
		return read_pair(&part, cache);
	if (has(root, "layers"))
		return read_stack(&part, cache);
	if (has_any(root, backend_find("memory")->options))
		return read_only_layer(&part, "memory", cache); /* as the package does */
	return no_shape(&part);
}

void config_shape_fini(struct cache_conf *cache)
{
	for (size_t i = 0; i < cache->layer_count; i++)
		config_layer_fini(&cache->layers[i]);
	free(cache->layers);
	memset(cache, 0, sizeof(*cache));
}

static bool layer_to_json(const struct layer_spec *spec, cJSON *layers)
{
	cJSON *layer = cJSON_CreateObject();

	if (!cJSON_AddItemToArray(layers, layer))
		return false;
	if (!cJSON_AddStringToObject(layer, "type", spec->backend->type) ||
	    !cJSON_AddStringToObject(layer, "name", spec->name) ||
	    !cJSON_AddNumberToObject(layer, "priority", spec->priority))
		return false;
	cJSON *options = cJSON_AddObjectToObject(layer, "options");
	return options && options_to_json(spec->backend->options, spec->conf, options) &&
	       options_to_json(layer_common_options, &spec->common, options);
}

bool config_shape_to_json(const struct cache_conf *cache, cJSON *root)
{
	cJSON *layers = cJSON_AddArrayToObject(root, "layers");

	if (!layers)
		return false;
	for (size_t i = 0; i < cache->layer_count; i++)
		if (!layer_to_json(&cache->layers[i], layers))
			return false;
	return cJSON_AddStringToObject(root, "promotion_strategy", promotions[cache->promotion]) &&
	       cJSON_AddStringToObject(root, "write_strategy",
				       write_strategies[cache->write_strategy]) &&
	       cJSON_AddStringToObject(root, "on_error", on_errors[cache->on_error]) &&
	       cJSON_AddNumberToObject(root, "promotion_threshold",
				       (double)cache->promotion_threshold);
}
