#!/bin/bash
# Editors write beside a file and rename, or write in place.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

expect_mode() {
	expect "mode of $1" "$2" "$(stat -c %a "$MNT/$1")"
}

test_vim_edits_a_file_and_leaves_no_litter() {
	type vim.tiny >/dev/null 2>&1 || skip "no vim.tiny"
	mount_for_editors
	vim.tiny -es -u NONE -i NONE -c 'set backup writebackup swapfile' -c '%s/one/uno/' -c wq "$MNT/text" </dev/null
	expect_value text $'uno\ntwo\nthree'
	expect_mode text 640
	rm -f "$MNT/text~"
	expect_list "" text
}

test_vim_saves_many_times_with_a_swap_file() {
	type vim.tiny >/dev/null 2>&1 || skip "no vim.tiny"
	mount_for_editors
	local i
	{
		echo 'set swapfile directory=.'
		for i in 1 2 3 4 5; do printf '$\na\nsaved %d\n.\nw\n' "$i"; done
		echo q
	} | vim.tiny -es -u NONE -i NONE "$MNT/text"
	expect_value text $'one\ntwo\nthree\nsaved 1\nsaved 2\nsaved 3\nsaved 4\nsaved 5'
	expect_list "" text
}

test_nano_saves_a_file() {
	type nano >/dev/null 2>&1 || skip "no nano"
	mount_for_editors
	# Types a line, saves with ^O Enter, leaves with ^X.
	"$ROOT/tests/helpers/at-terminal" 'one:zero\r\x0f' 'Write:\r' 'Wrote:\x18' -- \
		nano --ignorercfiles "$MNT/text"
	expect_value text $'zero\none\ntwo\nthree'
	expect_list "" text
}

test_sed_i_replaces_a_file() {
	mount_for_editors
	sed -i 's/two/2/' "$MNT/text"
	expect_value text $'one\n2\nthree'
	expect_mode text 640
	sed -i.bak 's/2/II/' "$MNT/text"
	expect_value text $'one\nII\nthree'
	expect_value text.bak $'one\n2\nthree'
	expect_list "" "text text.bak"
}

test_a_reader_keeps_what_it_opened_before_sed_i() {
	mount_for_editors
	set_value text "one two"
	open_reader r text
	sed -i 's/two/2/' "$MNT/text"
	expect_read r "one two"
	expect_value text "one 2"
}

run_tests
