using Dispatch.Channels.Lanes;

namespace Dispatch.Channels.Flow;

/// <summary>A lane as the pool sees it.</summary>
sealed class Seat(int number, LaneOptions options, TimeProvider time) : IDisposable
{
    private volatile LaneState _state;
    private volatile bool _isPaused;
    private volatile bool _isHungry;

    public int Number { get; } = number;

    public LaneOptions Options { get; } = options;

    public Pulse Pulse { get; } = new(time);

    public LaneState State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>The provider asked for a longer pause.</summary>
    public bool IsPaused
    {
        get => _isPaused;
        set => _isPaused = value;
    }

    /// <summary>As far as the lane and its provider go.</summary>
    public bool IsOpen => _state == LaneState.Open && !_isPaused;

    /// <summary>It found nothing to do: it wants to hear of work. Set before it looks, so that nothing slips in between.</summary>
    public bool IsHungry
    {
        get => _isHungry;
        set => _isHungry = value;
    }

    public void Wake()
    {
        _isHungry = false;
        Pulse.Send();
    }

    public void Dispose() => Pulse.Dispose();
}
