# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# registry.bash - a real registry on loopback, and images made by hand in it
#
#     registry_start DIR [USER PASSWORD]   sets registry (HOST:PORT), registry_pid
#     registry_stop
#     registry_fake DIR MODE [LAYOUT]      one that does not do what it should, see fake-registry.pl
#     layout_begin DIR                     an OCI layout without an image in it
#     layout_layer DIR TREE.tar [gzip|zstd|none]
#     layout_end DIR TAG [ARCH [CONFIG]]   an image of the layers since the last one
#     registry_push DIR TAG NAME [SKOPEO OPTION]...
#
# Tools: docker-registry, htpasswd (apache2-utils), skopeo, jq. No signature policy is asked
# for, since a sandbox may have none.

# Starts it at a port that the kernel calls free, with all that it keeps below $1.
registry_start() {
	local dir=$1 port auth=''

	mkdir -p "$dir/store"
	if [[ ${2-} ]]; then
		htpasswd -Bbn "$2" "$3" >"$dir/htpasswd" 2>/dev/null || return
		auth="auth: {htpasswd: {realm: test, path: $dir/htpasswd}}"
	fi
	for _ in 1 2 3; do
		port=$(perl -MIO::Socket::INET -e \
		    'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport') || return
		cat >"$dir/registry.yml" <<-END
			version: 0.1
			log: {level: error, accesslog: {disabled: true}}
			storage: {filesystem: {rootdirectory: $dir/store}, delete: {enabled: true}}
			http: {addr: "127.0.0.1:$port"}
			$auth
		END
		docker-registry serve "$dir/registry.yml" >"$dir/registry.log" 2>&1 3>&- &
		registry_pid=$!
		registry=127.0.0.1:$port
		registry_await && return
	done
	cat "$dir/registry.log" >&2
	return 1
}

# Until it answers, or has ended.
registry_await() {
	local n

	for ((n = 0; n < 200; n++)); do
		(exec 4<>"/dev/tcp/${registry%:*}/${registry#*:}") 2>/dev/null && return
		kill -0 "$registry_pid" 2>/dev/null || return
		sleep 0.05
	done
	return 1
}

registry_fake() {
	local dir=$1 n

	shift
	mkdir -p "$dir"
	: >"$dir/port"
	perl "$DAVIT_TESTS/lib/fake-registry.pl" "$@" >"$dir/port" 3>&- &
	registry_pid=$!
	for ((n = 0; n < 200; n++)); do
		[[ ! -s "$dir/port" ]] || break
		sleep 0.05
	done
	registry=127.0.0.1:$(<"$dir/port")
}

registry_stop() {
	[[ ${registry_pid-} ]] || return 0
	kill "$registry_pid" 2>/dev/null || true
	wait "$registry_pid" 2>/dev/null || true
	registry_pid=''
}

layout_begin() {
	mkdir -p "$1/blobs/sha256"
	echo '{"imageLayoutVersion": "1.0.0"}' >"$1/oci-layout"
	echo '{"schemaVersion": 2, "manifests": []}' >"$1/index.json"
	: >"$1/.layers"
}

# Moves file $2 into the layout $1, prints its digest and size.
layout_blob() {
	local digest size

	digest=$(sha256sum "$2") digest=${digest%% *}
	size=$(stat -c %s "$2")
	mv "$2" "$1/blobs/sha256/$digest"
	echo "sha256:$digest $size"
}

layout_layer() {
	local type=application/vnd.oci.image.layer.v1.tar blob diff

	diff=$(sha256sum "$2") diff=${diff%% *}
	case ${3-gzip} in
	gzip) gzip -n -c "$2" >"$1/.blob"; type+=+gzip ;;
	zstd) zstd -q -f "$2" -o "$1/.blob"; type+=+zstd ;;
	none) cp "$2" "$1/.blob" ;;
	esac || return
	blob=$(layout_blob "$1" "$1/.blob") || return
	echo "$type $blob sha256:$diff" >>"$1/.layers"
}

layout_end() {
	local dir=$1 tag=$2 arch=${3-} config=${4-} blob
	local manifest='application/vnd.oci.image.manifest.v1+json'

	[[ $arch ]] || arch=$(dpkg --print-architecture)
	[[ $config ]] || config='{}'
	jq -cRn --arg arch "$arch" --argjson config "$config" '
	    {architecture: $arch, os: "linux", config: $config,
	     rootfs: {type: "layers", diff_ids: [inputs | split(" ")[3]]}}' \
	    <"$dir/.layers" >"$dir/.config" || return
	blob=$(layout_blob "$dir" "$dir/.config") || return
	jq -cRn --arg blob "$blob" '
	    {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
	     config: ($blob | split(" ") | {mediaType: "application/vnd.oci.image.config.v1+json",
	              digest: .[0], size: .[1] | tonumber}),
	     layers: [inputs | split(" ") | {mediaType: .[0], digest: .[1], size: .[2] | tonumber}]}' \
	    <"$dir/.layers" >"$dir/.manifest" || return
	blob=$(layout_blob "$dir" "$dir/.manifest") || return
	jq -c --arg blob "$blob" --arg tag "$tag" --arg type "$manifest" --arg arch "$arch" '
	    .manifests += [$blob | split(" ") | {mediaType: $type, digest: .[0], size: .[1] | tonumber,
	        platform: {architecture: $arch, os: "linux"},
	        annotations: {"org.opencontainers.image.ref.name": $tag}}]' \
	    "$dir/index.json" >"$dir/.index" && mv "$dir/.index" "$dir/index.json" && : >"$dir/.layers"
}

# The image $2 of the layout $1, as $3 in the registry.
registry_push() {
	local dir=$1 tag=$2 name=$3

	shift 3
	skopeo --insecure-policy copy --quiet --dest-tls-verify=false "$@" "oci:$dir:$tag" \
	    "docker://$registry/$name"
}
