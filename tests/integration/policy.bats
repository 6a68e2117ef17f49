# SPDX-License-Identifier: BSD-3-Clause
# policy.bats - davit.conf's policy: who may have which container

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
mine=/home/alice/.config/davit/davit.conf
store=/opt/davit-store # of images that users cannot change

setup_file() {
	mkdir -p "$DAVIT_PREFIX/etc/davit" /opt/davit-store
	chmod 755 "$DAVIT_PREFIX/etc/davit" /opt/davit-store
	cp "$DAVIT_WORK/images/small.sqfs" /opt/davit-store/small.sqfs
	install -o alice -g alice -m 644 "$DAVIT_WORK/images/small.sqfs" /home/alice/own.sqfs
}

teardown_file() {
	rm -rf /opt/davit-store /home/alice/own.sqfs
	rmdir "$DAVIT_PREFIX/etc/davit" 2>/dev/null || true
}

setup() { leftovers_note; }

teardown() {
	rm -rf "$site" /home/alice/.config
	leftovers_assert
}

site_conf() {
	mkdir -p "${site%/*}"
	cat >"$site"
}
my_conf() {
	install -d -o alice -g alice /home/alice/.config "${mine%/*}"
	install -o alice -g alice -m 644 /dev/stdin "$mine"
}

# The plugin tells the cause $1 and a remedy, each once.
assert_told() {
	[[ $(grep -cF "error: davit: $host: $1" <<<"$stderr") == 1 ]] || complain "not told once: $1"
	[[ $(grep -c 'davit: ' <<<"$stderr") == 2 ]] || complain 'not two lines'
	[[ $stderr == *"error: davit: $host: try: "* ]] || complain 'no remedy'
}

# The step is refused by rule $1 of line $2 for the cause $3; with $4, and what else there is, for options of srun.
assert_denied() {
	local rule=$1 line=$2 cause=$3

	shift 3
	run_srun "$@"
	assert_status 125
	[[ ! $output ]] || complain 'something has run'
	assert_told "refused by rule '$rule' ($site:$line): $cause"
}

# The same by hand: nothing but the launcher looks then.
assert_denied_by_hand() {
	local rule=$1 line=$2 cause=$3

	shift 3
	run_davit "$@"
	assert_status 125
	[[ ! $output ]] || complain 'something has run'
	assert_failure "$host" "refused by rule '$rule' ($site:$line): $cause" '*'
}

@test 'users: the first rule about one decides' {
	site_conf <<-END
	policy:
	  - rule: bobs
	    users: [bob]
	    deny: not for bob
	  - rule: alices
	    users: [al*]
	    images: [$store/**]
	  - rule: others
	    deny: yes
	END
	run_srun --container="$store/small.sqfs" echo in
	assert_success
	assert_output in
	assert_denied alices 5 "image '/home/alice/own.sqfs' is not where images may be" \
	    --container=/home/alice/own.sqfs echo in
	assert_denied_by_hand alices 5 "image '/home/alice/own.sqfs' is not where images may be" \
	    /home/alice/own.sqfs echo in
	capture as bob srun --container="$store/small.sqfs" echo in
	assert_status 125
	assert_told "refused by rule 'bobs' ($site:2): no containers: not for bob"
	run_davit "$store/small.sqfs" echo in
	assert_success
}

@test 'what no rule is about is allowed' {
	site_conf <<-'END'
	policy:
	  - rule: bobs
	    users: [bob]
	    deny: yes
	END
	run_srun --container=/home/alice/own.sqfs echo in
	assert_success
	assert_output in
}

@test 'one line per node, and every rank ends with 125' {
	site_conf <<-'END'
	policy:
	  - {rule: closed, deny: maintenance}
	END
	run_srun -N2 -n4 --container="$store/small.sqfs" echo in
	assert_status 125
	assert_lines 1 "slurmstepd-n1: error: davit: $host: refused by rule 'closed' ($site:2): no containers: maintenance"
	assert_lines 1 "slurmstepd-n2: error: davit: $host: refused by rule 'closed' ($site:2): no containers: maintenance"
	assert_lines 1 "slurmstepd-n2: error: davit: $host: try: davit config shows the rules; ask your admin"
	run_sbatch --container="$store/small.sqfs" --wrap 'echo in'
	[[ $output == *"refused by rule 'closed'"* && $output != *$'\n'in* ]] || complain 'it ran'
}

@test 'groups: primary and supplementary, by name and number' {
	local group

	for group in alice "$(id -g alice)" "$(id -Gn alice | cut -d' ' -f2)"; do
		site_conf <<-END
		policy:
		  - {rule: group, groups: ["$group"], deny: yes}
		END
		assert_denied group 2 'no containers: davit.conf denies them' --container="$SMALL" true
	done
	site_conf <<-'END'
	policy:
	  - {rule: group, groups: [bob, root, "0"], deny: yes}
	END
	run_srun --container="$SMALL" true
	assert_success
}

@test 'partitions: those of the job, whatever its environment says' {
	local partition

	partition=$(sinfo -h -o %R | head -n 1)
	site_conf <<-END
	policy:
	  - {rule: part, partitions: ["$partition"], deny: yes}
	END
	assert_denied part 2 'no containers: davit.conf denies them' --container="$SMALL" true
	run_alice env SLURM_JOB_PARTITION=other SLURM_JOB_ACCOUNT=x srun --container="$SMALL" true
	assert_status 125
	site_conf <<-'END'
	policy:
	  - {rule: part, partitions: [other], deny: yes}
	  - {rule: account, accounts: [nobodys], deny: yes}
	END
	run_alice env SLURM_JOB_PARTITION=other SLURM_JOB_ACCOUNT=nobodys srun --container="$SMALL" echo in
	assert_success
	assert_output in
}

@test 'images: where they really are, not what they are called' {
	site_conf <<-END
	policy:
	  - {rule: store, images: ["$store/*.sqfs"]}
	END
	alice ln -s "$store/small.sqfs" /home/alice/good.sqfs
	alice ln -s /home/alice/own.sqfs /home/alice/bad.sqfs
	run_srun --container=good.sqfs echo in # relative, a link to where it may be
	assert_success
	assert_output in
	assert_denied store 2 "image '/home/alice/own.sqfs' is not where images may be" \
	    --container=bad.sqfs true
	assert_denied store 2 "image '/home/alice/own.sqfs' is not where images may be" \
	    --container="$store/../../home/alice/own.sqfs" true
	run_srun --chdir="$store" --container=small.sqfs echo in
	assert_success
	rm /home/alice/good.sqfs /home/alice/bad.sqfs
}

@test 'images: owners, and directories that others may write to' {
	site_conf <<-'END'
	policy:
	  - {rule: roots, image-owners: [root], safe-parents: yes}
	END
	run_srun --container="$store/small.sqfs" true
	assert_success
	assert_denied roots 2 "image '/home/alice/own.sqfs' belongs to alice" \
	    --container=/home/alice/own.sqfs true
	chmod 775 "$store"
	assert_denied roots 2 "others than its owner may write to '$store', above the image" \
	    --container="$store/small.sqfs" true
	chmod 755 "$store"
	chown alice "$store"
	assert_denied roots 2 "'$store', above the image, belongs to somebody else" \
	    --container="$store/small.sqfs" true
	chown root "$store"
	site_conf <<-'END'
	policy:
	  - {rule: owns, image-owners: [root, self]}
	END
	run_srun --container=/home/alice/own.sqfs true
	assert_success
}

@test 'options, from each place where one may choose them' {
	site_conf <<-'END'
	writable: no
	policy:
	  - {rule: bare, forbid: [writable, name]}
	END
	run_srun --container="$SMALL" true
	assert_success
	assert_denied bare 3 "--container-writable: the option 'writable' is not allowed" \
	    --container="$SMALL" --container-writable true
	assert_denied_by_hand bare 3 "--writable: the option 'writable' is not allowed" --writable "$SMALL" true
	run_alice env DAVIT_CONTAINER_WRITABLE=yes srun --container="$SMALL" true
	assert_status 125
	assert_told "refused by rule 'bare' ($site:3): \$DAVIT_CONTAINER_WRITABLE: the option 'writable' is not allowed"
	my_conf <<<'writable: yes'
	assert_denied bare 3 "$mine:1: the option 'writable' is not allowed" --container="$SMALL" true
}

@test 'mounts: sources, links followed' {
	site_conf <<-'END'
	mounts: [/etc/hostname:/mnt]
	policy:
	  - {rule: scratch, mounts: [/home/alice/in/**]}
	END
	alice mkdir -p in/deep out
	alice ln -s /home/alice/out in/link
	run_srun --container="$SMALL" --container-mounts=/home/alice/in/deep:/tmp true
	assert_success
	assert_denied scratch 3 "a mount of '/home/alice/out' is not allowed" \
	    --container="$SMALL" --container-mounts=/home/alice/in/link:/tmp true
	assert_denied scratch 3 "a mount of '/home/alice/out' is not allowed" \
	    --container="$SMALL" --container-mounts=/home/alice/in/../out:/tmp true
	assert_denied scratch 3 'a mount of tmpfs is not allowed' \
	    --container="$SMALL" --container-mounts=tmpfs:/tmp true
	my_conf <<<'mounts: [/home/alice/out:/tmp]'
	assert_denied scratch 3 "a mount of '/home/alice/out' is not allowed" --container="$SMALL" true
	rm -rf /home/alice/in /home/alice/out
}

@test 'digests and signatures of images' {
	local digest keys=$DAVIT_WORK/keys

	mkdir -p "$keys"
	openssl genpkey -algorithm ed25519 -out "$keys/secret.pem"
	openssl pkey -in "$keys/secret.pem" -pubout -out "$keys/public.pem"
	cp "$store/small.sqfs" "$store/sealed.sqfs"
	"$DAVIT" image seal "$store/sealed.sqfs"
	digest=$("$DAVIT" image digest "$store/sealed.sqfs" | grep -o 'sha256:[0-9a-f]*')
	site_conf <<-END
	policy:
	  - {rule: known, image-digests: ["$digest"]}
	END
	run_srun --container="$store/sealed.sqfs" echo in
	assert_success
	assert_output in
	run_srun --container="$store/small.sqfs" echo in
	assert_status 125
	assert_told "the digest of image '$store/small.sqfs' cannot be checked"
	sed -i 's/sha256:[^"]*/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/' "$site"
	assert_denied known 2 "image '$store/sealed.sqfs' has digest $digest, which is none of the rule's" \
	    --container="$store/sealed.sqfs" true
	site_conf <<-END
	image-keys: [$keys/public.pem]
	policy:
	  - {rule: signed, signed: yes}
	END
	run_srun --container="$store/sealed.sqfs" echo in
	assert_status 125
	[[ $stderr == *"error: davit: $host: "*sign* ]] || complain 'not told'
	"$DAVIT" image sign --key "$keys/secret.pem" "$store/sealed.sqfs"
	run_srun --container="$store/sealed.sqfs" echo in
	assert_success
	rm -rf "$keys" "$store/sealed.sqfs"*
}

@test 'system calls' {
	site_conf <<-'END'
	policy:
	  - {rule: tools, security: ["seccomp:allow:perf_event_open"]}
	END
	run_srun --container="$SMALL" --container-security=seccomp:allow:perf_event_open,seccomp:deny:all true
	assert_success
	assert_denied tools 2 '--container-security=seccomp=unconfined is not allowed' \
	    --container="$SMALL" --container-security=seccomp=unconfined true
}

@test 'networks, devices and names' {
	site_conf <<-'END'
	policy:
	  - rule: narrow
	    network: [net]
	    devices: []
	    names: [train-*]
	END
	run_srun --container="$SMALL" --container-unshare=net true
	assert_success
	assert_denied narrow 2 "the node's network is not allowed" --container="$SMALL" true
	assert_denied narrow 2 "the network 'net:slirp' is not allowed" \
	    --container="$SMALL" --container-unshare=net:slirp true
	assert_denied narrow 2 "the device 'a.org/b=c' is not allowed" \
	    --container="$SMALL" --container-unshare=net --container-device=a.org/b=c true
	assert_denied narrow 2 'GPUs beyond those of the job are not allowed' \
	    --container="$SMALL" --container-unshare=net --container-gpus=all true
	assert_denied narrow 2 "the container name 'test' is not allowed" \
	    --container="$SMALL" --container-unshare=net --container-name=test true
	run_srun --container="$SMALL" --container-unshare=net --container-name=train-1 true
	assert_success
	await job_none
}

@test 'a link that is changed all the time gets nobody in' {
	local i swapper

	site_conf <<-END
	policy:
	  - {rule: store, images: ["$store/**"]}
	END
	cp "$OTHER" /home/alice/other.sqfs
	# shellcheck disable=SC2016
	alice sh -c 'while :; do ln -sfn "$1" s; ln -sfn /home/alice/other.sqfs s; done' - "$store/small.sqfs" &
	swapper=$!
	await test -L /home/alice/s
	for ((i = 0; i < 8; i++)); do
		LIMIT=60 run_srun -n1 --container=/home/alice/s sh -c 'echo $DAVIT_IMAGE'
		[[ $status == 125 || $output == "$store/small.sqfs" || $output == /home/alice/s ]] ||
		    complain 'in another image'
		[[ $status == 125 ]] || [[ ! $(alice srun --container=/home/alice/s cat /other 2>/dev/null) ]] ||
		    complain 'in the wrong image'
	done
	pkill -P "$swapper" || kill "$swapper"
	wait "$swapper" || true
	rm -f /home/alice/s /home/alice/other.sqfs
}

# Runs a step while alice kills, or stops ($2), the first process called $1 that appears. It may be over
# too soon; then once more.
snipe() {
	local sniper i

	for ((i = 0; i < 20; i++)); do
		alice "$programs/snipe" "$1" 0 ${2:+"$2"} &
		sniper=$!
		LIMIT=60 run_srun --container="$SMALL" echo in
		! wait "$sniper" || return 0
		assert_success
	done
	complain 'never hit'
}

@test 'a judge that the user ends: no container' {
	site_conf <<-'END'
	policy:
	  - {rule: store, images: [/**]}
	END
	snipe davit-judge
	[[ $status == 125 || $output == in ]] || complain 'neither in nor refused' # it had answered
	((status == 0)) ||
	    assert_told "'$DAVIT judge' does not tell whether this container is allowed"
}

@test 'a judge that the user stops: half a minute, and no container' {
	local SECONDS=0

	site_conf <<-'END'
	policy:
	  - {rule: store, images: [/**]}
	END
	snipe davit-judge STOP
	[[ $status == 125 || $output == in ]] || complain 'neither in nor refused'
	((status == 0)) ||
	    assert_told "'$DAVIT judge' does not tell whether this container is allowed"
	await job_none
	[[ ! $(pgrep -x davit-judge) ]] || complain 'the judge is still there'
}

@test 'squeue that the user ends: no container' {
	local i

	site_conf <<-'END'
	policy:
	  - {rule: part, partitions: [other], deny: yes}
	END
	for ((i = 0; i < 5; i++)); do
		snipe squeue STOP
		[[ $output == in ]] || break # else it had answered
	done
	assert_status 125
	[[ ! $output ]] || complain 'it ran'
	await job_none
	[[ ! $(pgrep -x squeue) ]] || complain 'squeue is still there'
}

@test 'a path in a container is none of the node' {
	local pid

	site_conf <<-END
	policy:
	  - {rule: store, images: ["$store/*.sqfs"], mounts: ["$store/**", /home/alice/**]}
	END
	begin srun -N1 -n1 --container="$store/small.sqfs" --container-mounts="/home/alice:$store" \
	    --container-workdir="$store" sh -c 'echo ready; exec sleep 100'
	await_output ready
	pid=$(pgrep -u alice -x sleep | tail -n 1)
	cp "$SMALL" /home/alice/evil.sqfs
	chown alice /home/alice/evil.sqfs
	run_srun --overlap --jobid="$(job_now)" --container="/proc/$pid/cwd/evil.sqfs" echo in
	assert_status 125
	[[ ! $output ]] || complain 'it ran'
	assert_told "refused by rule 'store' ($site:2): what is open is not at '$store/evil.sqfs' of this node"
	scancel "$(job_now)"
	finish
	rm /home/alice/evil.sqfs
	await job_none
}

@test 'a kept container needs its image named, where the rule looks at images' {
	site_conf <<-END
	policy:
	  - {rule: store, images: ["$store/*.sqfs"]}
	END
	assert_denied store 2 'no image is given, and the rule says which ones may be used' \
	    --container-name=work true
	run_srun --container-name=work --container="$store/small.sqfs" echo in
	assert_success
	await job_none
}

@test 'what the user writes into davit.conf counts as chosen' {
	site_conf <<-'END'
	policy:
	  - {rule: bare, forbid: [env, mounts]}
	END
	my_conf <<<'environment: {set: {A: b}}'
	assert_denied bare 2 "$mine: the option 'env' is not allowed" --container="$SMALL" true
	my_conf <<<'mounts: [/srv]'
	assert_denied bare 2 "$mine: the option 'mounts' is not allowed" --container="$SMALL" true
	site_conf <<-'END'
	policy:
	  - {rule: bare, mounts: []}
	END
	my_conf <<<'gpu-files: [/etc/shadow]'
	assert_denied bare 2 "$mine: 'gpu-files' brings in files of the node, which is not allowed" \
	    --container="$SMALL" true
	site_conf <<<'forbid: [env]'
	my_conf <<<'environment: {set: {A: b}}'
	run_davit "$SMALL" true
	assert_status 125
	assert_failure "$host" "$mine:1: $site:1 forbids the option 'env'" '*'
}

@test 'an account cannot pretend to be a line of squeue' {
	site_conf <<-'END'
	policy:
	  - {rule: admins, accounts: [admin]}
	  - {rule: others, deny: yes}
	END
	run_srun -A admin --container="$SMALL" echo in # this cluster has no accounting
	assert_success
	run_srun -A $'x\n1 test admin\n2 test admin\n3 test admin' --container="$SMALL" echo in
	assert_status 125
	[[ ! $output ]] || complain 'it ran'
}

@test 'entering' {
	site_conf <<-'END'
	policy:
	  - {rule: closed, users: [alice], enter: no}
	END
	begin srun -N1 --container="$SMALL" sh -c 'echo ready; exec sleep 100'
	await_output ready
	run_alice "$DAVIT" enter "$(job_now)" true
	assert_status 125
	assert_failure "$host" "refused by rule 'closed' ($site:2): running containers may not be entered" '*'
	rm "$site"
	run_alice "$DAVIT" enter "$(job_now)" true
	assert_success
	scancel "$(job_now)"
	finish
}

@test 'davit config shows the rules' {
	site_conf <<-'END'
	audit: no
	policy:
	  - rule: bare
	    forbid: [writable, name]
	END
	run_alice "$DAVIT" config
	assert_success
	[[ $output == *$'\npolicy:\n  - {rule: bare, forbid: [writable, name]}  # '"$site:3"* ]] || complain 'the rule'
	[[ $output == *$'\naudit: no  # '"$site:1"* ]] || complain 'audit'
	run_alice "$DAVIT" config --check "$site"
	assert_success
}

@test 'mistakes in a policy are told' {
	local text cause

	while IFS='|' read -r text cause; do
		site_conf <<<"$text"
		run_alice "$DAVIT" config
		assert_status 125
		assert_failure "$host" "$site:1: $cause" '*'
	done <<-'END'
	policy: yes|'policy' takes a list, not text
	policy: [{images: [/a]}]|a rule without a name
	policy: [{rule: "a b"}]|'a b' is no name for a rule
	policy: [{rule: a}, {rule: a}]|there is a rule 'a' already
	policy: [{rule: a, image: [/a]}]|unknown key 'image'
	policy: [{rule: a, images: [relative]}]|'images': 'relative' can be none of them
	policy: [{rule: a, mounts: [../x]}]|'mounts': '../x' can be none of them
	policy: [{rule: a, network: [slirp]}]|'network': 'slirp' can be none of them
	policy: [{rule: a, forbid: [writeable]}]|'forbid': 'writeable' can be none of them
	policy: [{rule: a, users: alice}]|'users' takes a list, not text
	policy: [{rule: a, safe-parents: maybe}]|'safe-parents': 'maybe' is neither yes nor no
	END
	my_conf <<<'policy: [{rule: a}]'
	rm "$site"
	run_alice "$DAVIT" config
	assert_status 125
	assert_failure "$host" "$mine:1: 'policy' is for the site's davit.conf only" '*'
}

@test 'davit judge by hand' {
	run_alice "$DAVIT" judge
	assert_status 125
	assert_failure "$host" "davit judge is started by Davit's plugin for Slurm, not by hand" '*'
}

# Slurm may call the hook that judges in a process of its own (ContainSpank).
@test 'a judge in the container of the job (ContainSpank)' {
	local state=$DAVIT_WORK/cluster-contain flags=Contain

	((slurm < 2505)) || flags=Contain,ContainSpank
	"$DAVIT_CLUSTER_TOOL" start --state "$state" --keep-users --prefix "$DAVIT_PREFIX" --nodes 1 \
	    --prolog-flags "$flags" >/dev/null 3>&-
	local -x SLURM_CONF=$state/etc/slurm.conf
	site_conf <<-END
	policy:
	  - {rule: store, images: ["$store/*.sqfs"]}
	END
	run_srun -n2 --container="$store/small.sqfs" echo in
	assert_success
	assert_output $'in\nin'
	run_srun -n2 --container=own.sqfs echo in
	assert_status 125
	assert_told "refused by rule 'store' ($site:2): image '/home/alice/own.sqfs' is not where images may be"
	"$DAVIT_CLUSTER_TOOL" stop --state "$state"
}
