#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-3-Clause
#
# fake-registry.pl MODE [LAYOUT] - a registry that does not do what it should, at a port that it prints
#
#	busy    429 for all
#	limit   429 for manifests, as Docker Hub does when it has counted enough of them
#	silent  takes each request, and never answers
#	stalls  serves the first image of the OCI layout LAYOUT, but half of each layer, and then no more
#	config  the same, with half of the configuration
#	once    the same, but whole, and each layer only once

use strict;
use warnings;
use IO::Socket::INET;

my ($mode, $layout) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "socket: $!";
my $retry = "Retry-After: 0\r\n";
my $busy = '{"errors": [{"code": "TOOMANYREQUESTS", "message": "pull rate limit"}]}';

sub content {
	open(my $file, '<:raw', $_[0]) or return '';
	local $/;
	return scalar <$file>;
}

sub reply {
	my ($client, $status, $type, $body, $size, $more) = @_;

	print $client "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: ",
	    $size // length $body, "\r\nConnection: close\r\n", $more // '', "\r\n", $body;
	$client->flush;
}

# Until the other end has gone.
sub keep {
	my ($client) = @_;

	while (sysread($client, my $ignored, 4096)) { }
}

sub half {
	my ($client, $body) = @_;

	reply($client, '200 OK', 'application/octet-stream', substr($body, 0, length($body) / 2),
	    length $body);
	keep($client);
}

sub serve {
	my ($client) = @_;
	my $request = <$client> // '';
	my $json = 'application/json';

	return keep($client) if $mode eq 'silent';
	# Not by TLS.
	return print $client "HTTP/1.0 400 Bad Request\r\n\r\n" if $request !~ m{^[A-Z]+ (/\S*) HTTP};
	my $path = $1;
	while (my $line = <$client>) {
		last if $line =~ /^\r?$/;
	}
	return reply($client, '429 Too Many Requests', $json, $busy, undef, $retry)
	    if $mode eq 'busy' || ($mode eq 'limit' && $path =~ m{/manifests/});
	return reply($client, '200 OK', $json, '{}') if $path eq '/v2/';
	my ($manifest) = content("$layout/index.json") =~ /"digest": ?"sha256:([0-9a-f]+)"/;
	my $text = content("$layout/blobs/sha256/$manifest");
	return reply($client, '200 OK', 'application/vnd.oci.image.manifest.v1+json', $text)
	    if $path =~ m{/manifests/};
	my ($digest) = $path =~ m{/blobs/sha256:([0-9a-f]+)$};
	my $body = content("$layout/blobs/sha256/$digest");
	my $is_config = $text =~ /"config": ?\{[^}]*$digest/;
	return reply($client, '404 Not Found', $json, '{}')
	    if $mode eq 'once' && !$is_config && !mkdir "$layout/served-$digest";
	return half($client, $body) if $mode ne 'once' && ($mode eq 'config') == !!$is_config;
	return reply($client, '200 OK', 'application/octet-stream', $body);
}

$SIG{CHLD} = 'IGNORE';
$| = 1;
print $server->sockport, "\n";
while (1) {
	my $client = $server->accept or next;
	my $pid = fork;
	next if $pid;
	close $server;
	serve($client);
	exit;
}
