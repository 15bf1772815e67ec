/* stats.json. See stats.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/stats.h"

static void add_rows(cJSON *object, const struct stats_row *row, const void *base)
{
	for (; row->json; row++) {
		double number = stats_number(row, base);
		if (row->form == STATS_BOOL)
			cJSON_AddBoolToObject(object, row->json, number != 0);
		else if (row->form != STATS_LIMIT || number != 0)
			cJSON_AddNumberToObject(object, row->json, number);
	}
}

/* Only what came at all. */
static void add_opcodes(cJSON *fuse, const struct request_numbers *requests)
{
	cJSON *o = cJSON_AddObjectToObject(fuse, "by_opcode");

	for (unsigned i = 0; i < REQUEST_OPCODES; i++)
		if (requests->by_opcode[i] > 0 && request_name(i))
			cJSON_AddNumberToObject(o, request_name(i), (double)requests->by_opcode[i]);
}

static void add_calls(cJSON *layer, const struct layer_calls *all)
{
	cJSON *operations = cJSON_AddObjectToObject(layer, "calls");

	for (int i = 0; i < LAYER_OPERATIONS; i++) {
		const struct layer_calls *c = &all[i];
		uint64_t calls = stats_calls(c);
		if (calls == 0 && c->errors == 0)
			continue;
		cJSON *o = cJSON_AddObjectToObject(operations, layer_operation_names[i]);
		cJSON_AddNumberToObject(o, "calls", (double)calls);
		cJSON_AddNumberToObject(o, "errors", (double)c->errors);
		cJSON_AddNumberToObject(o, "seconds", round((double)c->total_ns / 1e3) / 1e6);
	}
}

static void add_layers(cJSON *root, const struct cache_stats *cache, bool troubles)
{
	cJSON *layers = cJSON_AddArrayToObject(root, "layers");

	for (size_t i = 0; i < cache->layer_count; i++) {
		const struct layer_stats *l = &cache->layers[i];
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", l->name);
		cJSON_AddStringToObject(o, "type", l->type);
		if (l->usage.trouble[0])
			cJSON_AddStringToObject(o, "trouble",
						troubles ? l->usage.trouble
							 : "told to the owner of the mount");
		cJSON_AddBoolToObject(o, "durable", l->durable);
		add_rows(o, stats_layer_rows, l);
		add_calls(o, l->calls);
		cJSON_AddItemToArray(layers, o);
	}
}

struct value *stats_json_text(struct fs *fs, bool troubles)
{
	struct stats stats;
	cJSON *root = cJSON_CreateObject();

	if (stats_read(fs, &stats) < 0) {
		cJSON_Delete(root);
		return NULL;
	}
	cJSON_AddStringToObject(root, "version", CACHEFS_VERSION);
	for (const struct stats_group *g = stats_groups; g->rows; g++) {
		cJSON *object = g->json ? cJSON_AddObjectToObject(root, g->json) : root;
		add_rows(object, g->rows, &stats);
		if (object == root)
			add_layers(root, &stats.cache, troubles);
	}
	add_opcodes(cJSON_GetObjectItemCaseSensitive(root, "fuse"), &stats.requests);
	stats_fini(&stats);
	return stats_text_of(root);
}

struct value *stats_text_of(cJSON *json)
{
	char *text = json ? cJSON_Print(json) : NULL;

	cJSON_Delete(json);
	if (!text)
		return NULL;
	size_t size = strlen(text);
	char *line = realloc(text, size + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + size, "\n", 2);
	return value_adopt(line, size + 1);
}
