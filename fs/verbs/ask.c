/* See ask.h. */
#include "verbs/ask.h"

int ask_entry(void *self, struct key key)
{
	struct entry_ask *a = self;

	meta_fini(a->meta);
	if (!a->value)
		return layered_stat(a->cache, key, a->meta);
	value_unref(*a->value);
	*a->value = NULL;
	int rc = layered_get(a->cache, key, a->kind, a->value, a->meta);
	if (a->kind == GET_COUNTED)
		a->kind = GET_UNCOUNTED;
	return rc;
}

int ask_marker(void *self, struct key key)
{
	const struct entry_ask *a = self;

	meta_fini(a->meta);
	int rc = layered_dir_stat(a->cache, key, a->meta);
	return rc == 0 && a->meta->mode == 0 ? NAME_READ_PART : rc;
}
