namespace Dispatch.Bench.Ingest;

/// <summary>A request to one recipient, 300 bytes.</summary>
static class SingleBody
{
    private const int Bytes = 300;
    private const string Before = """{"class":"transactional","recipients":[{"user_id":"u-17","email":"ada@example.org","variables":{"code":"4711"}}],"content":{"email":{"from":"Shop <no-reply@shop.example>","subject":"Your code","text":"Your code is {{code}}.""";
    private const string After = "\"}}}";

    public static string Text { get; } = Before + new string(' ', Bytes - Before.Length - After.Length) + After;
}
