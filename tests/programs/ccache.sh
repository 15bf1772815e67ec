# Words for tests of ccache.

make_sources() {
	local i
	mkdir -p src
	for i in 1 2 3 4 5 6; do
		printf '#include <stdio.h>\nint f%d(void);\nint f%d(void)\n{\n\treturn printf("%%d", %d);\n}\n' \
			"$i" "$i" "$i" >"src/f$i.c"
	done
}

build() {
	local f
	for f in src/*.c; do
		ccache gcc -O1 -c "$f" -o "${f%.c}.$1.o"
	done
}

ccache_number() {
	ccache --print-stats | awk -v name="$1" '$1 == name { print $2 }'
}

prepare() {
	type ccache >/dev/null 2>&1 || skip "no ccache"
	mount_for_programs
	export CCACHE_DIR=$MNT/ccache CCACHE_CONFIGPATH=$TMP/ccache.conf
	make_sources
}
