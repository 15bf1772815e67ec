#!/bin/bash
# git on the mount.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

make_repository() {
	local i
	git init -q origin
	for i in 1 2 3 4 5 6; do
		mkdir -p "origin/d$i"
		seq $((i * 1000)) >"origin/d$i/numbers"
		git -C origin add .
		git -C origin commit -qm "commit $i"
	done
}

test_git_clone_commit_gc_fsck() {
	mount_for_work
	make_repository
	git clone -q origin "$MNT/clone"
	echo change >>"$MNT/clone/d1/numbers"
	git -C "$MNT/clone" commit -qam "on the mount"
	git -C "$MNT/clone" checkout -q -b side HEAD~2
	echo side >"$MNT/clone/side"
	git -C "$MNT/clone" add side
	git -C "$MNT/clone" commit -qm side
	git -C "$MNT/clone" checkout -q main
	git -C "$MNT/clone" merge -q -m merged side
	git -C "$MNT/clone" gc -q --aggressive --prune=now
	git -C "$MNT/clone" fsck --strict >/dev/null
	git -C "$MNT/clone" push -q origin side
	expect commits 9 "$(git -C "$MNT/clone" rev-list --count HEAD)"
	restart_daemon
	expect status "" "$(git -C "$MNT/clone" status --porcelain)"
	git clone -q "$MNT/clone" back
	diff -r -x .git back "$MNT/clone"
}

test_git_worktree_and_stash() {
	mount_for_work
	make_repository
	git clone -q origin "$MNT/clone"
	git -C "$MNT/clone" worktree add -q "$MNT/tree" -b other
	echo x >"$MNT/tree/x"
	git -C "$MNT/tree" add x
	git -C "$MNT/tree" commit -qm x
	echo dirty >>"$MNT/clone/d1/numbers"
	git -C "$MNT/clone" stash -q
	expect stashed "" "$(git -C "$MNT/clone" status --porcelain)"
	git -C "$MNT/clone" stash pop -q
	expect dirty dirty "$(tail -n 1 "$MNT/clone/d1/numbers")"
	git -C "$MNT/clone" worktree remove "$MNT/tree"
	is_gone tree
	git -C "$MNT/clone" fsck --strict >/dev/null
}

run_tests
