/*
 * Texts about options for people: an example, and the reference that is printed from the tables.
 * (docs/options.md contains the reference, and a test compares the two.)
 */
#include <string.h>

#include "config/config.h"
#include "config/layer.h"
#include "config/shape.h"
#include "registry.h"

const char config_example[] = "{\n"
			      "  \"layers\": [\n"
			      "    {\n"
			      "      \"type\": \"memory\",\n"
			      "      \"name\": \"fast\",\n"
			      "      \"options\": {\n"
			      "        \"max_bytes\": 268435456,\n"
			      "        \"max_entries\": null,\n"
			      "        \"default_ttl_s\": 3600\n"
			      "      }\n"
			      "    },\n"
			      "    {\n"
			      "      \"type\": \"disk\",\n"
			      "      \"name\": \"durable\",\n"
			      "      \"options\": {\n"
			      "        \"path\": \"~/.cache/cachefs/example.sqlite\",\n"
			      "        \"size_limit_mb\": 10240,\n"
			      "        \"inline_limit_kb\": 1024,\n"
			      "        \"default_ttl_s\": null\n"
			      "      }\n"
			      "    }\n"
			      "  ],\n"
			      "  \"promotion_strategy\": \"always\",\n"
			      "  \"write_strategy\": \"write_through\",\n"
			      "  \"cachefs\": {\n"
			      "    \"rmdir\": \"invalidate_prefix\",\n"
			      "    \"pending_wait_ms\": 50,\n"
			      "    \"log_level\": \"info\"\n"
			      "  }\n"
			      "}\n";

/* "a whole number, 4 to 4096" */
static void print_range(const struct option_spec *spec, const char *what, FILE *out)
{
	fputs(what, out);
	if (spec->max > 0)
		fprintf(out, ", %.15g to %.15g", spec->min, spec->max);
	else
		fprintf(out, ", at least %.15g", spec->min);
}

static void print_choices(const char *const *choices, FILE *out)
{
	for (size_t i = 0; choices[i]; i++)
		fprintf(out, "%s\"%s\"", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

static void print_values(const struct option_spec *spec, FILE *out)
{
	switch (spec->type) {
	case OPT_BOOL:
		fputs("true or false", out);
		break;
	case OPT_COUNT:
	case OPT_BYTES:
	case OPT_MS:
		print_range(spec, "a whole number", out);
		break;
	case OPT_MB:
	case OPT_KB:
	case OPT_SECONDS:
		print_range(spec, "a number", out);
		break;
	case OPT_STRING:
		fputs("a string", out);
		break;
	case OPT_PATH:
		fputs("a path", out);
		break;
	case OPT_SECRET:
		fputs("a string, shown nowhere", out);
		break;
	case OPT_ENUM:
		print_choices(spec->choices, out);
		break;
	case OPT_MODE:
		fprintf(out, "a string of octal digits, up to \"%04o\"", (unsigned)spec->max);
		break;
	case OPT_LIST:
		fputs("an array of strings", out);
		break;
	case OPT_NESTED:
		fputs(spec->values ? spec->values : "an object", out);
		break;
	}
	if (spec->zero_is_default)
		fputs(", or 0: the default", out);
	if (spec->nullable)
		fputs(", or null", out);
}

static void print_table(const char *title, const struct option_spec *specs, FILE *out)
{
	fprintf(out, "\n%s\n\n", title);
	if (!specs || !specs->name) {
		fputs("No options of its own.\n", out);
		return;
	}
	fputs("| option | default | values | meaning |\n|---|---|---|---|\n", out);
	for (; specs->name; specs++) {
		fprintf(out, "| `%s` | ", specs->name);
		if (specs->def || specs->nullable)
			fprintf(out, "`%s`", specs->def ? specs->def : "null");
		fputs(" | ", out);
		print_values(specs, out);
		fprintf(out, " | %s |\n", specs->doc ? specs->doc : "");
	}
}

void config_print_reference(FILE *out)
{
	char title[120];

	for (size_t i = 0; backend_at(i); i++) {
		const struct backend *backend = backend_at(i);

		if (backend->default_ttl_ms > 0)
			snprintf(title, sizeof(title),
				 "Layers of type `%s`, whose `default_ttl_s` is %.15g by default:",
				 backend->type, (double)backend->default_ttl_ms / 1000);
		else
			snprintf(title, sizeof(title), "Layers of type `%s`:", backend->type);
		print_table(title, backend_at(i)->options, out);
	}
	print_table("Every layer, in `options`, beside its `type`, or at the top for all layers:",
		    layer_common_options, out);
	print_table("An element of `layers`:", config_layer_members, out);
	print_table("A list of layers (the type `flexible_layered` or `flexible-layered`):",
		    config_stack_members, out);
	print_table("Memory over disk (the type `layered`):", config_pair_members, out);
	print_table("Beside any of these, at the top, as the package's core writes it:",
		    config_top_members, out);
	print_table("The daemon's own settings, in `cachefs`:", fs_options, out);
}
