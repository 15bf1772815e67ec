#!/bin/bash
# The README's own lines, run as they are printed.
. "$(dirname "$0")/../lib.sh"

# The mount is ~/cache, with the built-in configuration.
mount_at_home() {
	export HOME=$TMP/home XDG_CACHE_HOME=$TMP/home/.cache XDG_STATE_HOME=$TMP/home/.state
	mkdir -p "$HOME"
	start_daemon
	ln -s "$MNT" "$HOME/cache"
}

# section TITLE: its lines, without those of the next one.
section() {
	awk -v title="## $1" '/^## / { on = $0 == title; next } on' "$ROOT/README.md"
}

# block TEXT: the indented lines that follow the paragraph with this text.
block() {
	awk -v text="$1" '
	index($0, text) { found = 1 }
	found && /^    / { print substr($0, 5); shown = 1; next }
	shown && /^$/ { print; next }
	shown { exit }' "$ROOT/README.md"
}

# Runs the commands of a console ("$ ") in one shell, each shown before what it prints.
run_console() {
	local line
	sed -n 's/^\$ //p' "$1" | while IFS= read -r line; do
		printf 'printf "%%s\\n" %q\n%s\n' "\$ $line" "$line"
	done >commands
	bash commands 2>&1 || true # the last one fails, as shown
}

# Without what differs from run to run: the rest of a TTL, where bash says that it is; and empty lines.
same_everywhere() {
	sed -E '/^$/d; s/ttl="3[56][0-9]{2}\.[0-9]+"/ttl="3599.9"/; s/^(commands|bash): line [0-9]+: /bash: /' "$1"
}

test_the_tour_prints_what_the_readme_shows() {
	mount_at_home
	section 'A five-minute tour' | sed -n 's/^    //p' >printed
	(($(grep -c '^\$ ' printed) > 15)) || fail "the README has no tour"
	run_console printed >shown
	diff <(same_everywhere printed) <(same_everywhere shown) >difference ||
		fail "the README (<) and the run (>) differ: $(head -n 20 difference)"
}

test_a_shell_keeps_the_answers_of_a_model() {
	mount_at_home
	block 'Answers of a model, from a shell' >ask.sh
	cat >>ask.sh <<-'END'
		expensive_model() {
			echo called >>~/calls
			echo "answer to $1"
			[ "$1" != bad ]
		}
	END
	local try
	for try in 1 2; do
		expect "ask $try" "answer to 6x7" "$(bash -c '. ./ask.sh; ask 6x7')"
	done
	expect "calls of the model" 1 "$(wc -l <"$HOME/calls")"
	! bash -c '. ./ask.sh; ask bad' >/dev/null || fail "a model that failed is not told"
	expect "entries" 1 "$(find "$MNT/llm" -type f | wc -l)"
	bash -c '. ./ask.sh; ask twice >one & ask twice >two; wait $!'
	expect "two calls of one shell" "answer to twice answer to twice" "$(cat one two | tr '\n' ' ' | sed 's/ $//')"
	expect "entries" 2 "$(find "$MNT/llm" -type f | wc -l)"
}

test_python_keeps_the_answers_of_a_model() {
	mount_at_home
	block 'The same, from Python' >cached.py
	cat >>cached.py <<-'END'
		calls = []
		for _ in range(2):
		    assert cached("6x7", lambda prompt: calls.append(prompt) or "42") == "42"
		assert calls == ["6x7"]
	END
	python3 cached.py
	jq -e '.text == "42"' "$MNT"/llm/* >/dev/null
}

test_the_caches_of_programs_are_plain_directories() {
	mount_at_home
	block 'Caches of programs' >lines
	(
		. ./lines
		mkdir -p "$PIP_CACHE_DIR/a" "$npm_config_cache" "$CCACHE_DIR/b"
		echo x >"$PIP_CACHE_DIR/a/x"
		! rmdir "$PIP_CACHE_DIR/a" 2>/dev/null || fail "rmdir took a directory that is not empty"
		rmdir "$CCACHE_DIR/b"
	)
	echo x >"$MNT/pip/other"
	[[ -e $MNT/pip/a/x ]]
}

test_each_configuration_shown_is_one() {
	local n=0 file
	section Configuration | awk '
		/^    / { print substr($0, 5) > ("config" n ".json"); next }
		{ n++ }'
	for file in config*.json; do
		"$CACHEFS" --check-config "$file" >said 2>&1 || fail "$(cat "$file"): $(cat said)"
		((++n))
	done
	((n == 4)) || fail "$n configurations were found"
}

test_every_page_that_is_linked_exists() {
	local page link
	for page in README.md SECURITY.md docs/*.md fs/ARCHITECTURE.md; do
		(cd "$ROOT" && [[ -e $page ]]) || continue
		grep -o ']([^)#]*' "$ROOT/$page" | sed 's/^](//' | grep -v '^http' | grep . | while read -r link; do
			[[ -e $(dirname "$ROOT/$page")/$link ]] || fail "$page links $link"
		done
	done
	for page in "$ROOT"/docs/*.md; do
		grep -q "docs/${page##*/}" "$ROOT/README.md" || fail "README.md does not lead to docs/${page##*/}"
	done
}

run_tests
