#!/bin/bash
# Extended attributes: flags, sizes of buffers, and limits.
. "$(dirname "$0")/posix.sh"

# xattr CALL ARG...: the system call itself; prints its result or the name of the errno. A number among the
# arguments is the size of a buffer.
xattr() {
	python3 -ES - "$@" <<-'END'
		import ctypes, errno, sys
		libc = ctypes.CDLL(None, use_errno=True)
		call, path, *rest = sys.argv[1:]
		args = [path.encode()]
		for arg in rest:
		    if call != "setxattr" and arg.isdigit():
		        args += [ctypes.create_string_buffer(int(arg) or 1) if int(arg) else None, ctypes.c_size_t(int(arg))]
		    elif call == "setxattr" and len(args) == 2:
		        args += [arg.encode(), ctypes.c_size_t(len(arg))]
		    elif arg in ("CREATE", "REPLACE"):
		        args += [{"CREATE": 1, "REPLACE": 2}[arg]]
		    else:
		        args += [arg.encode()]
		if call == "setxattr" and len(args) == 4:
		    args += [0]
		result = getattr(libc, call)(*args)
		print(result if result >= 0 else errno.errorcode[ctypes.get_errno()])
	END
}

expect_xattr() {
	local expected=$1
	shift
	expect "$1 ${*:3:1}" "$expected" "$(xattr "$@")"
}

test_flags() {
	touch f
	expect_xattr ENODATA setxattr f user.a x REPLACE
	expect_xattr 0 setxattr f user.a x CREATE
	expect_xattr EEXIST setxattr f user.a y CREATE
	expect value x "$(getfattr --only-values -n user.a f)"
	expect_xattr 0 setxattr f user.a y REPLACE
	expect value y "$(getfattr --only-values -n user.a f)"
}

test_sizes_of_buffers() {
	touch f
	xattr setxattr f user.name value >/dev/null
	expect_xattr 5 getxattr f user.name 0
	expect_xattr ERANGE getxattr f user.name 4
	expect_xattr 5 getxattr f user.name 5
	expect_xattr 10 listxattr f 0
	expect_xattr ERANGE listxattr f 9
	expect_xattr 10 listxattr f 10
	xattr setxattr f user.empty "" >/dev/null
	expect_xattr 0 getxattr f user.empty 0
	expect_xattr 0 getxattr f user.empty 10
}

test_limits() {
	touch f
	local long
	long=user.$(printf 'n%.0s' {1..250})
	expect_xattr 0 setxattr f "$long" value
	expect_xattr 5 getxattr f "$long" 100
	expect_xattr ERANGE setxattr f "${long}n" value
	expect_xattr ERANGE getxattr f "${long}n" 100
	expect_xattr ERANGE setxattr f "" value
	expect_xattr E2BIG setxattr f user.big "$(printf '%65537s' '')"
	expect_xattr 0 setxattr f user.large "$(printf '%2000s' '')"
	expect_xattr 2000 getxattr f user.large 65536
	expect_xattr ENOTSUP setxattr f nonsense value
	expect_xattr ENOTSUP setxattr f other.name value
}

# All of a file share 64 KiB.
test_a_value_that_does_not_fit() {
	on_the_mount
	touch f
	expect_xattr 0 setxattr f user.a "$(printf '%60000s' '')"
	expect_xattr ENOSPC setxattr f user.b "$(printf '%6000s' '')"
	expect_xattr 0 setxattr f user.a x
	expect_xattr 0 setxattr f user.b "$(printf '%6000s' '')"
	expect_xattr ENOSPC setxattr f user.c "$(printf '%65536s' '')"
}

run_posix_tests
