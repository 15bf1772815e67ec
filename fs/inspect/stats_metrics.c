/*
 * metrics: the Prometheus text format, version 0.0.4. All samples of one metric stand together
 * below its HELP and TYPE; counters end in _total, times are in seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/stats.h"

/* A label's value: backslash, quote and newline are escaped. */
static void print_quoted(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			putc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			putc(*text, out);
	}
	putc('"', out);
}

static void print_label(FILE *out, char before, const char *name, const char *text)
{
	putc(before, out);
	fprintf(out, "%s=", name);
	print_quoted(out, text);
}

static void print_head(FILE *out, const char *name, const char *suffix, const char *type,
		       const char *help)
{
	fprintf(out, "# HELP cachefs_%s%s %s\n", name, suffix, help);
	fprintf(out, "# TYPE cachefs_%s%s %s\n", name, suffix, type);
}

static const char *suffix_of(const struct stats_row *row)
{
	return row->kind == STATS_COUNTER ? "_total" : "";
}

static void print_row_head(FILE *out, const struct stats_row *row)
{
	print_head(out, row->metric, suffix_of(row),
		   row->kind == STATS_COUNTER ? "counter" : "gauge", row->help);
}

static bool is_shown(const struct stats_row *row, const void *base)
{
	return row->form != STATS_LIMIT || stats_number(row, base) != 0;
}

static void print_rows(FILE *out, const struct stats_row *row, const struct stats *stats)
{
	for (; row->json; row++) {
		if (!is_shown(row, stats))
			continue;
		print_row_head(out, row);
		fprintf(out, "cachefs_%s%s %.17g\n", row->metric, suffix_of(row),
			stats_number(row, stats));
	}
}

static void print_layer_row(FILE *out, const struct stats_row *row, const struct cache_stats *cache)
{
	bool headed = false;

	for (size_t i = 0; i < cache->layer_count; i++) {
		const struct layer_stats *l = &cache->layers[i];
		if (!is_shown(row, l))
			continue;
		if (!headed)
			print_row_head(out, row);
		headed = true;
		fprintf(out, "cachefs_%s%s", row->metric, suffix_of(row));
		print_label(out, '{', "layer", l->name);
		print_label(out, ',', "type", l->type);
		fprintf(out, "} %.17g\n", stats_number(row, l));
	}
}

static void print_opcodes(FILE *out, const struct request_numbers *requests)
{
	static const char name[] = "requests_by_opcode";

	print_head(out, name, "_total", "counter", "Requests of the kernel, by opcode.");
	for (unsigned i = 0; i < REQUEST_OPCODES; i++) {
		if (requests->by_opcode[i] == 0 || !request_name(i))
			continue;
		fprintf(out, "cachefs_%s_total", name);
		print_label(out, '{', "opcode", request_name(i));
		fprintf(out, "} %llu\n", (unsigned long long)requests->by_opcode[i]);
	}
}

/* A sample of one layer's operation; bound 0: no "le". */
static void print_call(FILE *out, const char *metric, const struct layer_stats *l, int operation,
		       const char *bound)
{
	fprintf(out, "cachefs_%s", metric);
	print_label(out, '{', "layer", l->name);
	print_label(out, ',', "operation", layer_operation_names[operation]);
	if (bound)
		print_label(out, ',', "le", bound);
	fputs("} ", out);
}

static void print_histogram(FILE *out, const struct layer_stats *l, int operation)
{
	const struct layer_calls *c = &l->calls[operation];
	unsigned long long sum = 0;
	char bound[32];

	for (int i = 0; i < LAYER_LATENCIES; i++) {
		sum += c->by_latency[i];
		if (i < LAYER_LATENCIES - 1)
			snprintf(bound, sizeof(bound), "%g", (double)layer_latency_ns[i] / 1e9);
		else
			strcpy(bound, "+Inf");
		print_call(out, "backend_call_seconds_bucket", l, operation, bound);
		fprintf(out, "%llu\n", sum);
	}
	print_call(out, "backend_call_seconds_sum", l, operation, NULL);
	fprintf(out, "%.9f\n", (double)c->total_ns / 1e9);
	print_call(out, "backend_call_seconds_count", l, operation, NULL);
	fprintf(out, "%llu\n", sum);
}

/* Visits what was called at all. */
static void print_each_call(FILE *out, const struct cache_stats *cache,
			    void (*print)(FILE *out, const struct layer_stats *l, int operation))
{
	for (size_t i = 0; i < cache->layer_count; i++)
		for (int j = 0; j < LAYER_OPERATIONS; j++)
			if (cache->layers[i].calls[j].errors > 0 ||
			    stats_calls(&cache->layers[i].calls[j]) > 0)
				print(out, &cache->layers[i], j);
}

static void print_errors(FILE *out, const struct layer_stats *l, int operation)
{
	print_call(out, "backend_call_errors_total", l, operation, NULL);
	fprintf(out, "%llu\n", (unsigned long long)l->calls[operation].errors);
}

static void print_all(FILE *out, const struct stats *stats)
{
	print_head(out, "build_info", "", "gauge", "The version of the daemon.");
	fputs("cachefs_build_info", out);
	print_label(out, '{', "version", CACHEFS_VERSION);
	fputs("} 1\n", out);
	for (const struct stats_group *g = stats_groups; g->rows; g++)
		print_rows(out, g->rows, stats);
	for (const struct stats_row *row = stats_layer_rows; row->json; row++)
		print_layer_row(out, row, &stats->cache);
	print_opcodes(out, &stats->requests);
	print_head(out, "backend_call_seconds", "", "histogram", "How long calls of layers took.");
	print_each_call(out, &stats->cache, print_histogram);
	print_head(out, "backend_call_errors", "_total", "counter", "Calls of layers that failed.");
	print_each_call(out, &stats->cache, print_errors);
}

struct value *stats_metrics_text(struct fs *fs)
{
	struct stats stats;
	char *text = NULL;
	size_t size = 0;

	if (stats_read(fs, &stats) < 0)
		return NULL;
	FILE *out = open_memstream(&text, &size);
	if (out)
		print_all(out, &stats);
	stats_fini(&stats);
	if (out && fclose(out) != 0) {
		free(text);
		text = NULL;
	}
	return text ? value_adopt(text, size) : NULL;
}
