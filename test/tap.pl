# Runs TAP tests (Perl, shell, JavaScript) and writes how many passed, failed
# and were skipped. For a test file that failed, the end of its log follows.
#
#     perl test/tap.pl TOTALS_FILE TEST...
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use TAP::Harness;

my ($totals, @tests) = @ARGV;
my $here = abs_path(dirname(__FILE__));
chomp(my $pkglibdir = `"$ENV{PG_CONFIG}" --pkglibdir`);

my @perl = ($^X, "-I$here/perl", "-I$pkglibdir/pgxs/src/test/perl");
my %interpreter = (pl => \@perl, sh => ['bash'], js => ['node']);

my $harness = TAP::Harness->new(
	{
		exec => sub {
			my (undef, $file) = @_;
			my ($suffix) = $file =~ /\.(\w+)$/;
			return [ @{ $interpreter{$suffix} }, $file ];
		},
		jobs => 2,
		timer => 1
	});
my $result = $harness->runtests(@tests);

my ($passed, $failed, $skipped) = (0, 0, 0);
foreach my $test (@tests)
{
	my ($parser) = $result->parsers($test);
	my $skipped_here = () = $parser->skipped;
	$skipped_here = 1 if defined $parser->skip_all;
	my $failed_here = () = $parser->failed;

	# died early, or another number of tests than planned
	$failed_here ||= 1 if $parser->has_problems;
	$passed += () = $parser->passed;
	$passed -= () = $parser->skipped;
	$failed += $failed_here;
	$skipped += $skipped_here;
	show_logs($test) if $failed_here;
}

open my $out, '>', $totals or die "$totals: $!";
print $out "$passed $failed $skipped\n";
close $out;
exit($failed ? 1 : 0);

# PostgreSQL::Test's log of the test, and its servers' logs.
sub show_logs
{
	my ($test) = @_;
	(my $name = basename($test)) =~ s/\.\w+$//;
	foreach my $log (glob("$ENV{TESTLOGDIR}/regress_log_$name $ENV{TESTLOGDIR}/${name}_*.log"))
	{
		print "--- end of ", basename($log), "\n";
		open my $in, '<', $log or next;
		my @lines = <$in>;
		print @lines > 80 ? @lines[ -80 .. -1 ] : @lines;
	}
	return;
}
