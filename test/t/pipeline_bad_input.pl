# Bad input to a whole run: each kind gives one error or counted rejects, with
# SQLSTATE, object, line and hint; the warehouse stays what it was; and the next
# run with good input succeeds without anybody's help.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main', 'olist_etl.allowed_endpoints = \'127.0.0.1\'');
my $pipeline = Olist::Pipeline->new($node);
my $orders = 'olist_orders_dataset.csv';
my %good = map { $_ => slurp_file($pipeline->directory . "/$_") }
  map { s/.*\///r } glob($pipeline->directory . '/*.csv');
my $rejects = q{SELECT count(*) || ' ' || string_agg(DISTINCT format('%s|%s|%s|%s|%s', sqlstate, line, column_name,
	message, hint), ' + ') FROM olist_etl.reject JOIN olist_etl.ledger USING (object_id) WHERE is_current};

# Nothing is lost by a run that failed: the next one with good input gives the
# whole warehouse.
sub recovers
{
	my ($what) = @_;
	$pipeline->write_file($_, $good{$_}) for sort keys %good;
	is($pipeline->run->{status}, 'SUCCEEDED', "after $what, good input succeeds");
	is($pipeline->agreement, 'all sums agree', '... with every row');
	is($node->safe_psql('postgres', $rejects), '', '... and none rejected');
	return $pipeline->warehouse;
}

# A run that fails with an error like CODE and CAUSE leaves the warehouse alone.
sub fails
{
	my ($what, $code, @cause) = @_;
	my $before = $pipeline->warehouse;
	my $run = $pipeline->run;
	is($run->{status}, 'FAILED', "$what: the run fails");
	like($run->{error}, $code, '... with the right code');
	like($run->{cause}, $_, '... and what helps to mend it') for @cause;
	is($pipeline->warehouse, $before, '... and the warehouse is what it was');
	is($pipeline->workers, '0', '... and no worker stays');
	return;
}

# a first run, with one file missing
$pipeline->write_file('olist_sellers_dataset.csv', undef);
fails('a missing entity', qr/58P01/, qr/sellers/, qr/HINT/);
is($pipeline->warehouse, 'none', '... nothing is visible before everything has been loaded');
my $whole = recovers('a missing entity');
unlike($whole, qr/orders 0/, 'there is a warehouse');

# files that cannot be read at all
$pipeline->write_file($orders, '');
fails('an empty file', qr/22P04/, qr/\Q$orders\E/, qr/empty/, qr/HINT/);
is(recovers('an empty file'), $whole, '... the same warehouse');

$pipeline->write_file($orders, $good{$orders} =~ s/"order_status"/"order_state"/r);
fails('a column missing', qr/22P04|42703/, qr/\Q$orders\E/, qr/"order_status"/, qr/HINT/);
is(recovers('a column missing'), $whole, '... the same warehouse');

gzip(\$good{$orders} => \my $gzip) or die;
$pipeline->write_file($orders, undef);
$pipeline->write_file("$orders.gz", substr($gzip, 0, length($gzip) / 2));
fails('a truncated gzip', qr/58030|22P04/, qr/\Q$orders\E/, qr/ends in the middle/, qr/HINT/);
$pipeline->write_file("$orders.gz", undef);
is(recovers('a truncated gzip'), $whole, '... the same warehouse');

# records that cannot be read: rejected, counted, kept
my @lines = split /^/, $good{$orders};
my $quoted = $lines[500] =~ s/^"?/"/r =~ s/^("\w+)"/$1/r;
$pipeline->write_file($orders, join '', @lines[ 0 .. 499 ], $quoted, @lines[ 501 .. $#lines ]);
my $run = $pipeline->run;
is($run->{status}, 'SUCCEEDED', 'an unterminated quote: the run goes on');
cmp_ok($run->{rejects}, '>', 0, '... with the rejects counted');
like($node->safe_psql('postgres', "$rejects AND reason = 'invalid'"),
	qr/^1 22P04\|501\|order_id\|text after the closing quote of a field\|\w/,
	'... with code, line, column and hint');
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM olist_etl.reject WHERE reason = 'orphan'}),
	't', '... what belongs to the lost order waits');
is($node->safe_psql('postgres', qq{
		SELECT sum(rows_read - rows_loaded - rows_rejected), sum(rows_rejected) FROM olist_etl.ledger
		WHERE is_current AND entity = 'orders'}), '0|1', '... every row is loaded or rejected');
is(recovers('an unterminated quote'), $whole, '... the same warehouse');

$pipeline->write_file($orders, $good{$orders} . '"unterminated');
$run = $pipeline->run;
is($run->{status}, 'SUCCEEDED', 'an unterminated quote at the end: the run goes on');
like($node->safe_psql('postgres', $rejects), qr/^1 22P04\|@{[ @lines + 1 ]}\|/, '... with one reject');
is($pipeline->warehouse, $whole, '... which takes nothing with it');
recovers('an unterminated quote at the end');

$pipeline->write_file($orders, $good{$orders} . '"unterminated' . "\n" x 200);
fails('a quote that swallows many lines', qr/22P04/, qr/\Q$orders\E/, qr/opened on line @{[ @lines + 1 ]}\b/, qr/HINT/);
is(recovers('a quote that swallows many lines'), $whole, '... the same warehouse');

# sources that cannot be reached
SKIP:
{
	my $s3 = Olist::S3->from_env or skip 'no S3 server', 1;
	my $bucket = new_bucket($s3);
	$s3->put($bucket, "olist/$_", \$good{$_}) for sort keys %good;

	my $source = sub {
		my (%param) = (
			endpoint => $s3->endpoint,
			access_key_id => $s3->access_key,
			secret_access_key => $s3->secret_key,
			addressing => 'path',
			use_http => 'true',
			@_);
		$node->safe_psql('postgres', "SELECT olist_etl.set_source('s3://$bucket/olist/', "
			  . join(', ', map { "$_ => '$param{$_}'" } sort keys %param) . ')');
	};
	$source->(secret_access_key => 'wrong');
	fails('a wrong password', qr/\w/, qr/SignatureDoesNotMatch|secret/, qr/HINT/);
	unlike($pipeline->run->{cause}, qr/wrong/, '... which is not printed');

	# a port on which nobody listens
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	$source->(endpoint => "http://127.0.0.1:$port");
	fails('an unreachable endpoint', qr/Olist\.Source|SQLSTATE\.08/, qr/127\.0\.0\.1/, qr/Repair that, for which see olist_etl\.source/);

	$source->();
	is($pipeline->run->{status}, 'SUCCEEDED', 'once the source is reached, the run succeeds');
	is($pipeline->warehouse, $whole, '... with the same warehouse');
}

$node->stop;
done_testing();
