# What a session may cost: thousands of failing opens leave neither memory nor
# file descriptors behind, a bucket of 100,000 keys is listed in constant
# memory, and a cancel is answered within 100 ms wherever a request is stuck.
# (L11, L21, L26, L32 of the fault table.)
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Socket::INET;
use Olist;
use Olist::RawServer;
use Olist::Source;
use Test::More;
use Time::HiRes qw(time sleep);

my $s3 = s3_or_skip();
my $bucket = new_bucket($s3);
$s3->put($bucket, 'k', \'content');
my $node = do
{
	local $ENV{LD_PRELOAD} = resolver();
	olist_cluster('main');
};
prepare_source($node);
create_server($node, 's', $s3->endpoint, $s3);
create_server($node, 'nobody', 'http://127.0.0.1:1', $s3, retries => 0);
$node->safe_psql('postgres', q{
	-- the backend's resident memory in kB and its open file descriptors
	CREATE FUNCTION usage(OUT rss bigint, OUT fds bigint) LANGUAGE plpgsql AS $$
	DECLARE
		pid text := pg_backend_pid();
	BEGIN
		rss := substring(pg_read_file('/proc/' || pid || '/status') FROM 'VmRSS:\s+(\d+)')::bigint;
		fds := count(*) FROM pg_ls_dir('/proc/' || pid || '/fd');
	END $$;

	-- run a query so many times and count how often it fails
	CREATE FUNCTION failures(query text, times int) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		n bigint := 0;
	BEGIN
		FOR i IN 1 .. times LOOP
			BEGIN
				EXECUTE query;
			EXCEPTION WHEN OTHERS THEN
				n := n + 1;
			END;
		END LOOP;
		RETURN n;
	END $$;
});

# 10,000 failures of each kind, in one session
my %failing = (
	'a missing key' => [ "SELECT read_object('s3://$bucket/none', 's')", 10_000 ],
	'nobody listening' => [ "SELECT read_object('s3://$bucket/k', 'nobody')", 10_000 ],
	'a result that is no use' => [ "SELECT read_object('s3://$bucket/k', 's')::date", 2000 ],
	'another size' => [ "SELECT read_object('s3://$bucket/k', 's', '@{[ md5_hex('content') ]}', 9)", 2000 ]);
foreach my $what (sort keys %failing)
{
	my ($query, $times) = @{ $failing{$what} };
	my $out = $node->safe_psql('postgres', "SELECT failures(\$\$$query\$\$, 500);
		SELECT * FROM usage(); SELECT failures(\$\$$query\$\$, $times); SELECT * FROM usage()");
	my ($warm, $before, $failed, $after) = split /\n/, $out;
	my ($rss_before, $fds_before) = split /\|/, $before;
	my ($rss_after, $fds_after) = split /\|/, $after;
	is($failed, $times, "$what: $times times");

	# (a kept connection may come or go)
	cmp_ok($fds_after, '<=', $fds_before + 2, '... leaves no file descriptors');
	cmp_ok($rss_after - $rss_before, '<', 2048, "... and no memory (grew by @{[ $rss_after - $rss_before ]} kB)");
}

# 100,000 keys: from a server that makes them up
my $lister = Olist::RawServer->new(
	sub {
		my ($request, $socket) = @_;
		my ($from) = $request->{path} =~ /continuation-token=(\d+)/;
		$from //= 0;
		my $xml = '<ListBucketResult>';
		$xml .= sprintf '<Contents><Key>key/%09d/%s</Key><Size>1</Size><ETag>"x"</ETag></Contents>', $_, 'k' x 200
		  for $from + 1 .. $from + 1000;
		my $next = $from + 1000;
		$xml .= $next >= 100_000 ? '<IsTruncated>false</IsTruncated>'
		  : "<IsTruncated>true</IsTruncated><NextContinuationToken>$next</NextContinuationToken>";
		$xml .= '</ListBucketResult>';
		print $socket "HTTP/1.1 200 OK\r\nContent-Length: " . length($xml) . "\r\n\r\n$xml";
		return 'keep';
	});
create_server($node, 'lister', $lister->endpoint, $s3);
my $count = 'SELECT count(*) FROM olist_etl.list_objects($$s3://bucket/%s$$, $$lister$$)';
my ($none, $first, $all, $second) = split /\n/, $node->safe_psql('postgres', sprintf("$count;", 'key/**/none')
	  . 'SELECT rss FROM usage();' . sprintf("$count;", '**') . 'SELECT rss FROM usage()');
is($none, 0, 'none of 100,000 keys match a pattern');
is($all, 100_000, 'all of 100,000 keys match another');
cmp_ok($second - $first, '<', 16_384, "... in constant memory (grew by @{[ $second - $first ]} kB, work_mem included)");

# cancel: what is stuck in which phase
my $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my @queue;
socket_queue($full->sockport) for 1 .. 4;
my $header = Olist::RawServer->new(sub { $_[1]->syswrite("HTTP/1.1 200 OK\r\nX: "); sleep 60; return; });
my $body = Olist::RawServer->new(
	sub {
		$_[1]->syswrite("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
		sleep 60;
		return;
	});
my $mute = Olist::RawServer->new(sub { sleep 60; return; });
my %stuck = (
	'resolving a name' => 'http://hang.test/k',
	'connecting' => 'http://127.0.0.1:' . $full->sockport . '/k',
	'the TLS handshake' => 'https://127.0.0.1:' . $silent->sockport . '/k',
	'waiting for an answer' => $mute->endpoint . '/k',
	'a header' => $header->endpoint . '/k',
	'a body' => $body->endpoint . '/k');
create_server($node, 'patient', $s3->endpoint, undef, timeout => '60s', connect_timeout => '60s');
foreach my $what (sort keys %stuck)
{
	my $best;
	for (1 .. 3)
	{
		my $outcome = start_sql($node, "SELECT read_object('$stuck{$what}', 'patient')");
		my $pid;
		poll_until(
			sub {
				$pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity
					WHERE query LIKE '%patient%' AND wait_event_type = 'Extension' AND pid <> pg_backend_pid()");
			},
			'it waits for the network');
		my $took = $node->safe_psql('postgres', "SELECT clock_timestamp() AS start \\gset
			SELECT pg_cancel_backend($pid) \\g /dev/null
			DO \$\$ BEGIN
				WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND state = 'active') LOOP
					PERFORM pg_stat_clear_snapshot();
				END LOOP;
			END \$\$;
			SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'start'))");
		like($outcome->(), qr/^57014 /, "cancelled: $what");
		$best = $took if !defined $best || $took < $best;
	}
	cmp_ok($best, '<', 100, "... within 100 ms ($best ms)");
}

# the session that gave up on a name can go on at once
my $start = time;
is( $node->safe_psql('postgres', "SET statement_timeout = '300ms';
		SELECT left(try(\$\$SELECT read_object('http://hang.test/k', 'patient')\$\$), 5);
		SET statement_timeout = 0;
		SELECT left(try(\$\$SELECT read_object('s3://$bucket/k', 's')\$\$), 2)") =~ s/\n/ /r,
	'57014 ok', 'L11: a name that is not answered keeps nobody');
cmp_ok(time - $start, '<', 10, '... neither the session nor its end');

$node->stop;
done_testing();

sub socket_queue
{
	my ($port) = @_;
	socket my $socket, Socket::AF_INET(), Socket::SOCK_STREAM(), 0;
	$socket->blocking(0);
	connect $socket, Socket::pack_sockaddr_in($port, Socket::inet_aton('127.0.0.1'));
	push @queue, $socket;
	return;
}
