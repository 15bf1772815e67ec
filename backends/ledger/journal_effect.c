/* See journal_effect.h. */
#include "ledger/journal_effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/journal_store.h"

void journal_effect_reset(struct journal_effect *effect)
{
	effect->entries = effect->directories = effect->bytes = 0;
	effect->unlinked_count = 0;
}

int journal_effect_unlink(struct journal_effect *effect, const char *name)
{
	if (effect->unlinked_count == effect->unlinked_capacity) {
		size_t capacity = effect->unlinked_capacity ? effect->unlinked_capacity * 2 : 8;
		void *names = realloc(effect->unlinked, capacity * sizeof(*effect->unlinked));
		if (!names)
			return -ENOMEM;
		effect->unlinked = names;
		effect->unlinked_capacity = capacity;
	}
	char *to = effect->unlinked[effect->unlinked_count++];
	strncpy(to, name, VALUE_FILE_NAME - 1);
	to[VALUE_FILE_NAME - 1] = '\0';
	return 0;
}

int journal_commit(struct journal *j, int (*apply)(void *self, struct db *db), void *self,
		   bool adds, struct journal_effect *effect)
{
	int rc = adds ? state_add(j->state, apply, self) : state_change(j->state, apply, self);

	if (rc == 0)
		journal_room_add(&j->room, effect->entries, effect->directories, effect->bytes);
	for (size_t i = 0; rc == 0 && i < effect->unlinked_count; i++)
		if (value_files_is_name(effect->unlinked[i]))
			value_files_remove(state_values(j->state), effect->unlinked[i]);
	free(effect->unlinked);
	effect->unlinked = NULL;
	effect->unlinked_count = effect->unlinked_capacity = 0;
	return rc == -EHOSTDOWN || rc == -EAGAIN ? -EIO : rc;
}
