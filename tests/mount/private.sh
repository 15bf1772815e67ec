# For tests that bind things over /etc/fstab, /dev/fuse and the like: the whole file runs in a mount
# namespace of its own, so nothing of it stays. Sourced first.
if [[ ! ${IN_PRIVATE_NAMESPACE:-} ]]; then
	if ! unshare -m true 2>/dev/null; then
		echo "1..0 # SKIP only root may have a mount namespace"
		exit 0
	fi
	IN_PRIVATE_NAMESPACE=1 exec unshare -m --propagation private "$BASH" "$0" "$@"
fi

# The mounts of other tests are copies here, and would keep their daemons from ending.
while read -r point; do
	umount -l "$(printf '%b' "$point")"
done < <(grep ' - fuse\.cachefs ' /proc/self/mountinfo | cut -d' ' -f5)
