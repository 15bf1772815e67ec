# Words for tests of the file layer.

mount_files() {
	mount_with '{"type": "file", "options": {"directory": "files"'"${1:+, $1}"'}}'
}

# python_set KEY PAYLOAD EXPIRES: as the package writes it (payload and expiry in Python)
python_set() {
	python3 - files "$@" <<'END'
import json, os, sys
directory, key, payload, expires = sys.argv[1:5]
name = key.replace("/", "_").replace("\\", "_") + ".json"
with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
    json.dump({"payload": eval(payload), "expires_at": eval(expires)}, f, indent=2)
END
}

# python_get KEY: prints the payload as one line of JSON
python_get() {
	python3 - files "$1" <<'END'
import json, os, sys, time
directory, key = sys.argv[1:3]
name = key.replace("/", "_").replace("\\", "_") + ".json"
with open(os.path.join(directory, name), encoding="utf-8") as f:
    entry = json.load(f)
if entry["expires_at"] is not None and entry["expires_at"] <= time.time():
    sys.exit("expired")
print(json.dumps(entry["payload"]))
END
}

lists() {
	[[ $(ls -A "$MNT/$1" | paste -sd' ') = "$2" ]]
}
