# A dry run does what the next run would do, tells what came of it, and leaves
# nothing: no row, no table, no record of itself. What it foretells then comes.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $drops = Olist::Pipeline->new($node, scale => 0.02, split => 'month');
my $later = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', $_[0]) }

# every row of ours, as it stands in its place, and every relation
sub all_there_is
{
	return sql(q{
		SELECT md5(string_agg(format('%s: %s', c.oid::regclass, query_to_xml('SELECT t.ctid, t.xmin, t::text FROM '
		           || c.oid::regclass || ' AS t ORDER BY t.ctid', true, true, '')), ' ' ORDER BY c.oid))
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname LIKE 'olist%' AND relkind = 'r'});
}

# the row that a dry run returns, with its messages; or its error
sub rehearse
{
	my ($arguments) = @_;
	my ($status, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nCALL olist_etl.run(dry_run => true" . ($arguments // '') . ')');
	return ($out, $err);
}

# the foretold row is the one that comes, but for the run's number and time
sub comes_true
{
	my ($foretold, $what) = @_;
	my ($status, $out) = $node->psql('postgres', 'CALL olist_etl.run()');
	s/^\d*\|(.*)\|[^|]*$/$1/ foreach $foretold, $out;
	is($out, $foretold, $what);
	return;
}

my @months = qw(2018-07 2018-08);
rename $_, "$later/" . s/.*\///r or die $! for map { glob $drops->directory . "/*_$_.csv" } @months;

my $before = all_there_is();
my ($out, $err) = rehearse();
like($out, qr/^\|SUCCEEDED\|\d+\|\d+\|/, 'a dry run of a first load succeeds, and has no number');
like($err, qr/fact_order: \d+ rows.*order_has_review: \d+ of \d+ rows.*nothing of it is kept/s, '... tells of its tasks and of the rules');
is(all_there_is(), $before, '... and leaves nothing');
is($drops->warehouse, 'none', '... not even a warehouse');
comes_true($out, 'the run that follows does what was foretold');

rename $_, $drops->directory . '/' . s/.*\///r or die $! for glob "$later/*_2018-07.csv";
my $pending = sql('SELECT count(*) FROM olist_etl.pending()');
$before = all_there_is();
($out, $err) = rehearse();
like($out, qr/^\|SUCCEEDED\|$pending\|/, 'a dry run of a batch does what is pending');
is(all_there_is(), $before, '... and leaves nothing');
is(sql('SELECT count(*) FROM olist_etl.pending()'), $pending, '... so that as much is pending');
comes_true($out, '... and the run does the same');

# in a transaction of the user's own, which goes on; and a rebuild
$before = all_there_is();
is(sql(q{BEGIN; CREATE TEMP TABLE mine AS SELECT 1 AS n;
	SET LOCAL client_min_messages = error;
	CALL olist_etl.run(input => '{"rebuild": true}', dry_run => true) \g /dev/null
	SELECT n FROM mine; COMMIT;}), '1', 'a dry rebuild in a transaction leaves that as it was');
is(all_there_is(), $before, '... and the warehouse');
($out) = rehearse();
like($out, qr/^\|SUCCEEDED\|0\|0\|0\|/, 'where nothing is new a dry run does nothing');

# what would fail fails, and says why
rename $_, $drops->directory . '/' . s/.*\///r or die $! for glob "$later/*_2018-08.csv";
sql(q{INSERT INTO olist_etl.check_rule (name, relation, aggregate, severity) VALUES ('refuse', 'fact_order', 'count(*)', 'fail')});
$before = all_there_is();
($out, $err) = rehearse();
like($err, qr/ERROR:  38000: workflow "olist" failed: Olist.QualityFailed\n.*refuse: measured \d+.*HINT:  Nothing of the dry run is kept/s,
	'a rule that does not hold fails it, with the rule and a hint');
is(all_there_is(), $before, '... and leaves nothing');
sql(q{DELETE FROM olist_etl.check_rule WHERE name = 'refuse'});
($out) = rehearse();
comes_true($out, 'the next run publishes');

done_testing();
