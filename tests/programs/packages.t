#!/bin/bash
# Package managers with their caches, and what they install, on the mount.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

mount_for_packages() {
	mount_for_programs
	export HOME=$TMP
}

npm_offline() {
	npm "$@" --cache "$MNT/npm" --offline --no-audit --no-fund --no-update-notifier --loglevel error
}

make_npm_package() {
	mkdir -p package
	printf '{"name": "greeting", "version": "1.2.3", "main": "index.js"}\n' >package/package.json
	printf 'module.exports = "hello " + require("fs").readFileSync(__dirname + "/data").length;\n' >package/index.js
	head -c 200000 /dev/urandom >package/data
	(cd package && npm_offline pack --pack-destination .. >/dev/null)
}

test_npm_installs_from_its_cache() {
	npm --version >/dev/null 2>&1 || skip "no npm"
	mount_for_packages
	make_npm_package
	mkdir "$MNT/app"
	printf '{"name": "app", "version": "1.0.0"}\n' >"$MNT/app/package.json"
	(cd "$MNT/app" && npm_offline install "$TMP/greeting-1.2.3.tgz" >/dev/null)
	cmp package/data "$MNT/app/node_modules/greeting/data"
	expect greeting "hello 200000" "$(cd "$MNT/app" && node -p 'require("greeting")')"
	npm_offline cache verify >verified
	grep -q "Content verified: [1-9]" verified
	restart_daemon
	rm -rf "$MNT/app/node_modules"
	(cd "$MNT/app" && npm_offline ci >/dev/null)
	cmp package/data "$MNT/app/node_modules/greeting/data"
	npm_offline cache verify >again
	grep -q "Content verified: [1-9]" again
	! grep -qi corrupt again
}

# A wheel is a zip with three files of metadata.
make_wheel() {
	python3 - <<-'PYTHON'
	import zipfile
	info = "greeting-1.0.dist-info/"
	files = {"greeting.py": "TEXT = 'hello'\n" + "#" * 100000,
	         info + "METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
	         info + "WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
	files[info + "RECORD"] = "".join(n + ",,\n" for n in files) + info + "RECORD,,\n"
	with zipfile.ZipFile("greeting-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as z:
	    for name, text in files.items():
	        z.writestr(name, text)
	PYTHON
}

pip_offline() {
	python3 -m pip --disable-pip-version-check --no-input --cache-dir "$MNT/pip" "$@" --no-index
}

# A source package that builds itself: nothing has to be installed for that.
make_source_package() {
	mkdir -p greeting-1.0
	echo 'TEXT = "hello"' >greeting-1.0/greeting.py
	printf '%s\n' '[build-system]' 'requires = []' 'build-backend = "build"' 'backend-path = ["."]' \
		'[project]' 'name = "greeting"' 'version = "1.0"' >greeting-1.0/pyproject.toml
	cat >greeting-1.0/build.py <<-'END'
		import os, zipfile
		def build_wheel(to, config_settings=None, metadata_directory=None):
		    name, info = "greeting-1.0-py3-none-any.whl", "greeting-1.0.dist-info/"
		    with zipfile.ZipFile(os.path.join(to, name), "w") as wheel:
		        wheel.write("greeting.py")
		        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
		        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: build\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
		        wheel.writestr(info + "RECORD", "greeting.py,,\n" + "".join(info + n + ",,\n" for n in ("METADATA", "WHEEL", "RECORD")))
		    return name
	END
	tar -czf greeting-1.0.tar.gz greeting-1.0
}

install_from_source() {
	pip_offline install -v --no-build-isolation --root-user-action ignore --target "$1" --find-links . greeting >"$1.log" 2>&1 ||
		fail "pip: $(tail -n 3 "$1.log")"
	expect text hello "$(PYTHONPATH=$1 python3 -c 'import greeting; print(greeting.TEXT)')"
}

test_pip_takes_a_wheel_that_it_has_built_from_its_cache() {
	python3 -m pip --version >/dev/null 2>&1 || skip "no pip"
	mount_for_packages
	make_source_package
	install_from_source "$TMP/first"
	grep -q 'Successfully built greeting' first.log || fail "not built: $(tail -n 3 first.log)"
	install_from_source "$TMP/second"
	grep -q 'Using cached greeting' second.log || fail "not cached: $(tail -n 3 second.log)"
	restart_daemon
	install_from_source "$TMP/third"
	grep -q 'Using cached greeting' third.log || fail "not cached after a new start: $(tail -n 3 third.log)"
}

test_pip_downloads_and_installs_a_wheel() {
	python3 -m pip --version >/dev/null 2>&1 || skip "no pip"
	mount_for_packages
	make_wheel
	mkdir "$MNT/wheels"
	pip_offline download -q -d "$MNT/wheels" --find-links . greeting
	cmp greeting-1.0-py3-none-any.whl "$MNT/wheels/greeting-1.0-py3-none-any.whl"
	pip_offline install -q --root-user-action ignore --target "$MNT/site" --find-links "$MNT/wheels" greeting
	restart_daemon
	expect greeting hello "$(PYTHONPATH=$MNT/site python3 -c 'import greeting; print(greeting.TEXT)')"
	expect listed "greeting==1.0" "$(python3 -m pip --disable-pip-version-check freeze --path "$MNT/site")"
	rm -rf "$MNT/site"
	is_gone site
}

run_tests
