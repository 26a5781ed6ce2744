# Safe to expose: what somebody who may name addresses can reach, and what an
# address can do to us. Addresses inside are never connected to, on any path
# and under any name; certificates are checked; the environment is not obeyed;
# secrets stay where they are. (T10 to T22 of the threat table.)
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Olist;
use Olist::RawServer;
use Olist::Source;
use Test::More;

my $s3 = s3_or_skip();
my $bucket = new_bucket($s3);
$s3->put($bucket, 'k.csv', \"a\n1\n");
my $right = 'ok 4 ' . md5_hex("a\n1\n");
my $directory = PostgreSQL::Test::Utils::tempdir();
my $canary = 'c4n4ry' . $$ . 'secret';

# T20: an environment full of temptations
my $proxy_server = Olist::RawServer->new(sub { return });
my $sink = Olist::RawServer->new(sub { return });
open my $netrc, '>', "$directory/.netrc" or die $!;
print $netrc "default login netrc-user password netrc-password\n";
close $netrc;
open my $curlrc, '>', "$directory/.curlrc" or die $!;
print $curlrc "proxy = " . $proxy_server->endpoint . "\n";
close $curlrc;
my %temptation = (
	(map { $_ => $proxy_server->endpoint } qw(http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY)),
	SSLKEYLOGFILE => "$directory/keylog",
	CURL_HOME => $directory,
	HOME => $directory,
	AWS_ACCESS_KEY_ID => 'ambient',
	AWS_SECRET_ACCESS_KEY => 'ambient',
	AWS_ENDPOINT_URL => $sink->endpoint,
	LD_PRELOAD => resolver());
my $node = do {
	local %ENV = (%ENV, %temptation);
	olist_cluster('main', 'log_statement = all', 'log_min_messages = debug1', 'log_connections = on');
};
prepare_source($node);
create_server($node, 's', $s3->endpoint, $s3);
is(try_sql($node, "SELECT read_object('s3://$bucket/k.csv', 's')"), $right, 'T20: it works all the same');
my $plain = Olist::RawServer->new(
	sub {
		print { $_[1] } "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\n1\n";
		return;
	});
is(try_sql($node, "SELECT read_object('@{[ $plain->endpoint ]}/x', 's')"), $right, '... over plain http too');
is($proxy_server->accepts, 0, 'T20: no proxy of the environment is used');
is(scalar(grep { $_->{headers}{authorization} } $plain->requests), 0, 'T20: nor a netrc file');
is($sink->accepts, 0, 'T20: nor an endpoint of the environment');

# T10 to T12: a user without rights, a server of their own, and an address inside
$node->safe_psql('postgres', q{
	CREATE ROLE u LOGIN;
	GRANT USAGE ON FOREIGN DATA WRAPPER olist_etl TO u;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA olist_etl TO u;
	GRANT CREATE ON SCHEMA public TO u;
});
$node->append_conf('postgresql.conf', "olist_etl.allowed_endpoints = ''");
$node->reload;
my $inside = Olist::RawServer->new(sub { print { $_[1] } "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"; return; });
my $port = $inside->port;

sub as_user
{
	my ($sql) = @_;
	return try_sql($node, $sql, 'SET ROLE u');
}

$node->safe_psql('postgres', "SET ROLE u;
	CREATE SERVER mine FOREIGN DATA WRAPPER olist_etl OPTIONS (endpoint 'https://127.0.0.1:$port');
	CREATE USER MAPPING FOR u SERVER mine OPTIONS (access_key_id 'a', secret_access_key 'b');
	CREATE FOREIGN TABLE inside (a int) SERVER mine OPTIONS (uri 's3://bucket/k.csv');
	CREATE FOREIGN TABLE inside_https (a int) SERVER mine OPTIONS (uri 'https://127.0.0.1:$port/k.csv')");
foreach my $table (qw(inside inside_https))
{
	like(as_user("SELECT * FROM $table"), qr/^42501 .*not allowed/, "T10: scan of $table");
	like(as_user("ANALYZE $table"), qr/^42501 /, 'T12: ANALYZE');
	like(as_user("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM $table"), qr/^42501 /, 'T12: EXPLAIN ANALYZE');
	like(as_user("EXPLAIN VERBOSE SELECT * FROM $table"), qr/^(ok|42501)/, 'T12: EXPLAIN');
}
like(as_user("IMPORT FOREIGN SCHEMA \"s3://bucket/\" FROM SERVER mine INTO public"), qr/^(?!ok)\w{5} /,
	'T12: IMPORT FOREIGN SCHEMA');
like(as_user("SELECT olist_etl.list_objects('s3://bucket/', 'mine')"), qr/^42501 .*not allowed/, 'T12: list');
like(as_user("SELECT count(*) FROM olist_etl.check_source('s3://bucket/', 'mine') WHERE status = 'failed'
	AND detail LIKE '%42501%'"), qr/^ok 1$/, 'T12: check_source');
like(as_user("SELECT * FROM olist_etl.read_csv('s3://bucket/k.csv', 'mine') AS t(a int)"), qr/^42501 /,
	'T12: read_csv');
foreach my $host (qw(127.0.0.1 127.1 2130706433 0x7f.1 0177.0.0.1 [::1] [::ffff:127.0.0.1] localhost
	inside.test 0.0.0.0 [::]))
{
	like(as_user("SELECT olist_etl.list_objects('https://$host:$port/k.csv', 'mine')"),
		qr/^42501 .*not allowed/, "T10: $host");
}
foreach my $address (qw(10.0.0.1 172.16.0.1 192.168.0.1 169.254.169.254 100.64.0.1 [fd00:ec2::254]
	[fe80::1] [fc00::1] [64:ff9b::a00:1]))
{
	my $outcome = as_user("SELECT olist_etl.list_objects('https://$address/k.csv', 'mine')");
	like($outcome, qr/^42501 .*not allowed/, "T10: $address");
}

# the same for whatever else leads to a connection, also for a superuser
my $key = "s3://bucket/olist_sellers_dataset.csv";
$node->safe_psql('postgres', 'CREATE TABLE target (a int)');
my $set = "olist_etl.set_source('s3://bucket/', endpoint => 'https://127.0.0.1:$port', access_key_id => 'a',
	secret_access_key => 'b', options => '{\"retries\": 0}')";
is(try_sql($node, "SELECT (SELECT count(*) FROM $set) = 1"), 'ok true', 'T12: set_source connects to nothing');
my %path = (
	'load()' => "SELECT olist_etl.load('target', '$key', 'mine')",
	'read_object()' => "SELECT olist_etl.read_object('$key', 'mine')",
	'pending()' => 'SELECT olist_etl.pending()',
	'discover()' => q{SELECT olist_etl.discover('{"source": "olist"}')},
	'stage()' => qq{SELECT olist_etl.stage('{"source": "olist", "entity": "sellers", "uri": "$key", "size": 1, "etag": "e"}')},
	'INSERT ... SELECT' => 'INSERT INTO target SELECT * FROM inside',
	'a view' => 'SELECT * FROM through',
	'a join' => 'SELECT * FROM inside LEFT JOIN target USING (a)',
	'a cursor' => q{SELECT query_to_xml('SELECT * FROM inside', false, false, '')},
	'an STS endpoint' => "SELECT olist_etl.list_objects('s3://bucket/', 'sts')");
$node->safe_psql('postgres', "CREATE VIEW through AS SELECT * FROM inside;
	CREATE USER MAPPING FOR postgres SERVER mine OPTIONS (access_key_id 'a', secret_access_key 'b');
	CREATE SERVER sts FOREIGN DATA WRAPPER olist_etl OPTIONS (role_arn 'r', sts_endpoint 'https://127.0.0.1:$port', retries '0');
	CREATE USER MAPPING FOR postgres SERVER sts OPTIONS (access_key_id 'a', secret_access_key 'b')");
foreach my $what (sort keys %path)
{
	like(try_sql($node, $path{$what}), qr/^42501 .*not (be )?allowed/, "T12: $what");
}
foreach my $reader (qq("Uri": "https://127.0.0.1:$port/k.csv"), '"Bucket": "bucket", "Key": "k.csv"')
{
	$node->safe_psql('postgres', qq{SELECT olist_etl.create_workflow('map', '{"StartAt": "M", "States": {"M": {
		"Type": "Map", "End": true,
		"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV"}, "Parameters": {$reader}},
		"ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}')});
	$node->psql('postgres', "CALL olist_etl.run('map')");
	like($node->safe_psql('postgres', 'SELECT status, cause FROM olist_etl.run ORDER BY run_id DESC LIMIT 1'),
		qr/^FAILED.*not allowed/s, 'T12: the ItemReader of a Map');
}
$node->psql('postgres', 'CALL olist_etl.run()');
like($node->safe_psql('postgres', 'SELECT status, cause FROM olist_etl.run ORDER BY run_id DESC LIMIT 1'),
	qr/^FAILED.*not allowed/s, 'T12: run()');
is($inside->accepts, 0, 'T10, T12: nobody connected');

# T11: redirects and names that change their mind; the way there is allowed, what is behind is not
$node->append_conf('postgresql.conf', "olist_etl.allowed_endpoints = '127.0.0.2, 127.0.0.1:$port'");
$node->reload;
my $target = Olist::RawServer->new(sub { print { $_[1] } "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"; return; });
my $redirecting = Olist::RawServer->new(
	sub {
		my ($request, $socket) = @_;
		my $to = $target->endpoint . '/k';
		print $socket "HTTP/1.1 307 Go\r\nLocation: $to\r\nx-amz-bucket-region: eu-west-1\r\n"
		  . "Content-Length: 0\r\n\r\n";
		return;
	});
my $allowed = '127.0.0.1:' . $redirecting->port;
my $settings = "SET olist_etl.allowed_endpoints = '$allowed'";
create_server($node, 's', $redirecting->endpoint, $s3);
like(try_sql($node, "SELECT read_object('s3://$bucket/k.csv', 's')", $settings), qr/^08006 .*not followed/,
	'T11: S3 redirects are not followed');
like(try_sql($node, "SELECT read_object('@{[ $redirecting->endpoint ]}/x', 's')", $settings),
	qr/^42501 .*not allowed/, 'T11: the target of a redirect is checked');
is($target->accepts, 0, 'T11, T19: nobody was led there, with or without credentials');
like(try_sql($node, "SELECT read_object('http://rebind.test:$port/x', 's')", "SET olist_etl.allowed_endpoints = '127.0.0.2'"),
	qr/^(42501|08001) /, 'T11: a name that resolves to something else the second time');
is($inside->accepts, 0, '... is checked each time');
like(try_sql($node, "SELECT read_object('http://mixed.test:$port/x', 's')", "SET olist_etl.allowed_endpoints = '10.255.255.2'"),
	qr/^42501 /, 'T11: a name with several addresses, none of them allowed');

# a connection that was allowed is not used when it no longer is
create_server($node, 's', $s3->endpoint, $s3);
is( $node->safe_psql('postgres', "SET olist_etl.allowed_endpoints = '127.0.0.1';
		SELECT left(try(\$\$SELECT read_object('s3://$bucket/k.csv', 's')\$\$), 4);
		SET olist_etl.allowed_endpoints = '10.0.0.0/8';
		SELECT left(try(\$\$SELECT read_object('s3://$bucket/k.csv', 's')\$\$), 5)"),
	"ok 4\n42501", 'T32: a list that was narrowed holds for kept connections');

# T22: TLS
my $allow = "SET olist_etl.allowed_endpoints = '127.0.0.1'";
make_certificates();
my %case = (
	'a good certificate' => [ 'good', [], qr/^ok / ],
	'a certificate that signed itself' => [ 'self', [], qr/^08001 .*certificate.*ca_file/s ],
	'an expired certificate' => [ 'expired', [], qr/^08001 .*expired/ ],
	'a certificate of the future' => [ 'future', [], qr/^08001 .*not yet valid/ ],
	"another host's certificate" => [ 'other', [], qr/^08001 .*(no alternative|does not match)/ ],
	'TLS 1.1' => [ 'good', [qw(-tls1_1 -cipher DEFAULT@SECLEVEL=0)], qr/^08001 / ]);
foreach my $what (sort keys %case)
{
	my ($certificate, $options, $expected) = @{ $case{$what} };
	my ($pid, $tls_port) = tls_server($certificate, @$options);
	$node->safe_psql('postgres', "DROP SERVER IF EXISTS t CASCADE; CREATE SERVER t FOREIGN DATA WRAPPER
		olist_etl OPTIONS (ca_file '$directory/ca.pem', retries '3')");
	my $outcome = $node->safe_psql('postgres', "$allow;
		SELECT try(\$\$SELECT read_object('https://127.0.0.1:$tls_port/k.csv', 't')\$\$);
		SELECT sum(value) FROM olist_etl.source_stats() WHERE metric LIKE 'retries%'");
	like($outcome, $expected, "T22: $what");
	like($outcome, qr/^0$/m, '... is not tried again');
	if ($what =~ /good/)
	{
		like(try_sql($node, "SELECT read_object('https://127.0.0.1:$tls_port/k.csv', 's')", $allow),
			qr/^08001 .*certificate/, '... and one whose CA is not known is refused');
	}
	kill 'TERM', $pid;
	waitpid $pid, 0;
}
my ($pid12, $port12) = tls_server('good', '-tls1_2');
like(try_sql($node, "SELECT read_object('https://127.0.0.1:$port12/k.csv', 't')", $allow), qr/^ok /,
	'T22: TLS 1.2 is enough');
$node->safe_psql('postgres', "ALTER SERVER t OPTIONS (ADD min_tls '1.3')");
like(try_sql($node, "SELECT read_object('https://127.0.0.1:$port12/k.csv', 't')", $allow), qr/^08001 /,
	'... unless the server asks for more');
kill 'TERM', $pid12;
waitpid $pid12, 0;
ok(!-e "$directory/keylog", 'T20: TLS keys are not written down');

# T15 to T18: a secret in the documented place shows up nowhere else
$node->append_conf('postgresql.conf', "olist_etl.allowed_endpoints = '127.0.0.1'
olist_etl.credentials_file = '$directory/profiles'");
$node->reload;
open my $profiles, '>', "$directory/profiles" or die $!;
print $profiles "[p]\naws_access_key_id = @{[ $s3->access_key ]}\naws_secret_access_key = $canary\n";
close $profiles;
chmod 0600, "$directory/profiles";
$node->safe_psql('postgres', "SET client_min_messages = warning;
	DROP SERVER s CASCADE;
	CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (endpoint '@{[ $s3->endpoint ]}', use_http 'true', retries '1');
	CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (profile 'p');
	GRANT USAGE ON FOREIGN SERVER s TO u;
	CREATE FOREIGN TABLE k (a int) SERVER s OPTIONS (uri 's3://$bucket/k.csv')");
my $shown = '';
foreach my $sql (
	"SELECT read_object('s3://$bucket/k.csv', 's')", 'SELECT * FROM k', 'ANALYZE k',
	'EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM k', 'EXPLAIN VERBOSE SELECT * FROM k',
	"SELECT string_agg(concat_ws(' ', step, detail, hint), ' ') FROM olist_etl.check_source('s3://$bucket/k.csv', 's')",
	"SELECT string_agg(metric, ' ') FROM olist_etl.source_stats()",
	"SELECT read_object('https://127.0.0.1:1/k?X-Amz-Credential=$canary&X-Amz-Signature=$canary')")
{
	$shown .= try_sql($node, $sql, "SET client_min_messages = debug5") =~ s/\Q$canary\E(?=.*read_object)//r . "\n";
}
unlike($shown, qr/\Q$canary\E/, 'T18: no error shows a secret or a query');
like($shown, qr/28000 .*secret key/, '... but says what is wrong');
foreach my $role (qw(postgres u pg_monitor pg_read_all_settings pg_read_all_data))
{
	my $dump = $node->safe_psql('postgres', qq{
		SET ROLE $role;
		DO \$\$
		DECLARE t regclass; n bigint;
		BEGIN
			FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace
				WHERE nspname IN ('pg_catalog', 'information_schema', 'olist_etl') AND relkind IN ('r', 'v')
			LOOP
				BEGIN
					EXECUTE format('SELECT count(*) FROM %s t WHERE t::text LIKE %L', t, '%' || reverse('@{[ scalar reverse $canary ]}') || '%')
						INTO n;
				EXCEPTION WHEN OTHERS THEN n := 0;
				END;
				IF n > 0 AND t::text NOT LIKE '%pg_stat_activity' AND t::text NOT LIKE '%pg_cursors'
				THEN RAISE EXCEPTION 'found in %', t; END IF;
			END LOOP;
		END \$\$;
		SELECT 'clean'});
	is($dump, 'clean', "T15: no catalog shows a secret to $role");
}
my $dump = "$directory/dump.sql";
$node->command_ok([ 'pg_dumpall', '-f', $dump, '-h', $node->host, '-p', $node->port ], 'a dump');
unlike(PostgreSQL::Test::Utils::slurp_file($dump), qr/\Q$canary\E/, 'T16: a dump holds no secret');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
$log =~ s/^.*(?:statement|STATEMENT|LIKE).*\n(?:\t.*\n)*//mg;
unlike($log, qr/\Q$canary\E/, 'T17: the log holds no secret');

# T21: a user reads what they were given, and nothing else
like(as_user("SELECT olist_etl.list_objects('s3://$bucket/', 'mine')"), qr/^(42501|2F003|28000|08001) /,
	'T21: not without credentials for it');
is($proxy_server->accepts + $sink->accepts, 0, 'T20: in all this time');

$node->stop;
done_testing();

# A CA, and certificates by it: good, expired, future, for another host; and one by itself.
sub make_certificates
{
	my $make = sub {
		system("cd '$directory' && ($_[0]) >/dev/null 2>&1") == 0 or die "openssl: $_[0]";
	};
	open my $config, '>', "$directory/ca.cnf" or die $!;
	print $config <<"CNF";
[ca]
default_ca = c
[c]
dir = $directory
database = $directory/index
serial = $directory/serial
new_certs_dir = $directory
certificate = $directory/ca.pem
private_key = $directory/ca.key
default_md = sha256
policy = p
copy_extensions = copy
unique_subject = no
[p]
commonName = supplied
CNF
	close $config;
	my $key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
	$make->("touch index; echo 01 > serial; openssl req -x509 $key -days 2 -subj /CN=ca -keyout ca.key -out ca.pem");
	my %period = (
		good => [ '20200101000000Z', '20400101000000Z', 'IP:127.0.0.1' ],
		expired => [ '20200101000000Z', '20200102000000Z', 'IP:127.0.0.1' ],
		future => [ '20400101000000Z', '20400102000000Z', 'IP:127.0.0.1' ],
		other => [ '20200101000000Z', '20400101000000Z', 'DNS:other.example.com' ]);
	foreach my $name (keys %period)
	{
		my ($from, $to, $san) = @{ $period{$name} };
		$make->("openssl req -new $key -subj /CN=$name -addext 'subjectAltName=$san' -keyout $name.key -out $name.csr"
			  . " && openssl ca -batch -config ca.cnf -in $name.csr -out $name.pem -startdate $from -enddate $to");
	}
	$make->("openssl req -x509 $key -days 2 -subj /CN=self -addext 'subjectAltName=IP:127.0.0.1' -keyout self.key -out self.pem");
	open my $file, '>', "$directory/k.csv" or die $!;
	print $file "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\na\n1\n";
	close $file;
	return;
}

# openssl as a web server for the files of the directory, with that certificate.
sub tls_server
{
	my ($certificate, @option) = @_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $pid = fork;
	die "fork: $!" unless defined $pid;
	if ($pid == 0)
	{
		chdir $directory;
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec 'openssl', 's_server', '-accept', "127.0.0.1:$port", '-HTTP', '-cert', "$certificate.pem",
		  '-key', "$certificate.key", @option;
		die "openssl: $!";
	}
	poll_until(sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }, 'the TLS server listens');
	return ($pid, $port);
}
