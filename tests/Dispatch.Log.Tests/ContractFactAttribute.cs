using Dispatch.Testing;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Dispatch.Log.Tests;

/// <summary>A test that several classes inherit; skipped, with the reason, in a class that needs a Kafka where there is none.</summary>
[XunitTestCaseDiscoverer("Dispatch.Log.Tests.ContractFactDiscoverer", "Dispatch.Log.Tests")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContractFactAttribute : FactAttribute;

[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsKafkaAttribute : Attribute;

public sealed class ContractFactDiscoverer(IMessageSink diagnostics) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute)
    {
        var (display, options) = (discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault());
        yield return testMethod.TestClass.Class.GetCustomAttributes(typeof(NeedsKafkaAttribute)).Any() && KafkaCluster.Missing is not null
            ? new SkippedTestCase(diagnostics, display, options, testMethod)
            : new XunitTestCase(diagnostics, display, options, testMethod);
    }

    private sealed class SkippedTestCase : XunitTestCase
    {
        [Obsolete("Called by the de-serializer", error: true)]
        public SkippedTestCase()
        {
        }

        public SkippedTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
            : base(diagnostics, display, options, method)
        {
        }

        protected override string GetSkipReason(IAttributeInfo factAttribute) => KafkaCluster.Missing ?? "";
    }
}
